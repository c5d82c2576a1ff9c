//! Caches beside their peers.
//!
//! `cargo bench -p corokit-benches --bench caches`; with `-- --help` the options.

mod asynchronous;
mod maps;

use corokit_benches::{Bench, Bound, Line, OURS, Options, Role, run_all};

use asynchronous::{CacheOf, hit, miss, stampede};
use maps::{MapOf, get, put};

const QUICK_CACHE: &str = "quick_cache";
const MOKA: &str = "moka";
const HASHLINK: &str = "hashlink";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let benches = vec![
        hits(&options),
        misses(&options),
        stampedes(&options),
        lru(&options, "LRU get", get),
        lru(&options, "LRU put, one goes for each that comes", put),
    ];
    run_all("caches", benches, &options)
}

fn hits(options: &Options) -> Bench<'static> {
    let count = options.size(1_000_000, 1_000);
    let rivals = &[QUICK_CACHE];
    let line = Line::new("", "ns").baseline(QUICK_CACHE);
    let line = line.target(Bound::AtMost { times: 1.0, rivals });
    let mut bench = Bench::new("hit among 1,024 keys").line(line);
    let contestants = [
        (OURS, Role::Ours, CacheOf::Corokit),
        ("corokit, ttl", Role::Ours, CacheOf::CorokitTtl),
        ("corokit, memo", Role::Ours, CacheOf::CorokitMemo),
        ("corokit, 16 shards", Role::Ours, CacheOf::CorokitShards),
        (QUICK_CACHE, Role::Peer, CacheOf::QuickCache),
        (MOKA, Role::Peer, CacheOf::Moka),
        ("cached", Role::Peer, CacheOf::Cached),
        ("Mutex<HashMap>", Role::Floor, CacheOf::Floor),
    ];
    for (name, role, cache) in contestants {
        bench = bench.contestant(name, role, move || vec![hit(cache, count)]);
    }
    bench
}

fn misses(options: &Options) -> Bench<'static> {
    let count = options.size(200_000, 2_000);
    let rivals = &[QUICK_CACHE];
    let line = Line::new("", "ns").baseline(QUICK_CACHE);
    let line = line.target(Bound::AtMost { times: 1.0, rivals });
    let mut bench = Bench::new("miss with a value that is ready, 1,024 kept").line(line);
    let contestants = [
        (OURS, Role::Ours, CacheOf::Corokit),
        ("corokit, ttl", Role::Ours, CacheOf::CorokitTtl),
        ("corokit, memo", Role::Ours, CacheOf::CorokitMemo),
        (QUICK_CACHE, Role::Peer, CacheOf::QuickCache),
        (MOKA, Role::Peer, CacheOf::Moka),
    ];
    for (name, role, cache) in contestants {
        bench = bench.contestant(name, role, move || vec![miss(cache, count)]);
    }
    bench
}

fn stampedes(options: &Options) -> Bench<'static> {
    let repeat = options.size(100, 1);
    let time = Line::new("time", "ns for each").baseline(MOKA);
    let time = time.target(Bound::AtLeast {
        times: 2.0,
        rival: MOKA,
    });
    let inits = Line::new("the value is made", "times").baseline(MOKA);
    let inits = inits.target(Bound::Within(1.0));
    let wakes = Line::new("a task that waits is woken", "times").baseline(MOKA);
    let wakes = wakes.target(Bound::Within(1.0));
    let bench = Bench::new("1,000 tasks ask for one key");
    let mut bench = bench.line(time).line(inits).line(wakes);
    let contestants = [
        (OURS, Role::Ours, CacheOf::Corokit),
        ("corokit, memo", Role::Ours, CacheOf::CorokitMemo),
        (QUICK_CACHE, Role::Peer, CacheOf::QuickCache),
        (MOKA, Role::Peer, CacheOf::Moka),
        ("async-lock OnceCell", Role::Peer, CacheOf::OnceCell),
        ("tasks that yield", Role::Floor, CacheOf::Floor),
    ];
    for (name, role, cache) in contestants {
        bench = bench.contestant(name, role, move || stampede(cache, 1_000, repeat));
    }
    bench
}

fn lru(options: &Options, title: &str, work: fn(MapOf, u64) -> f64) -> Bench<'static> {
    let count = options.size(1_000_000, 1_000);
    let rivals = &[HASHLINK, "lru", "schnellru"];
    let line = Line::new("", "ns").baseline(HASHLINK);
    let line = line.target(Bound::AtMost { times: 1.1, rivals });
    let mut bench = Bench::new(title).line(line);
    let contestants = [
        (OURS, Role::Ours, MapOf::Corokit),
        ("corokit, ttl", Role::Ours, MapOf::CorokitTtl),
        (HASHLINK, Role::Peer, MapOf::Hashlink),
        ("lru", Role::Peer, MapOf::Lru),
        ("schnellru", Role::Peer, MapOf::Schnellru),
    ];
    for (name, role, map) in contestants {
        bench = bench.contestant(name, role, move || vec![work(map, count)]);
    }
    bench
}
