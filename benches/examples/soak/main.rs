//! The `kv` example under load, faults and clients that are killed, for as long as one likes.
//!
//! `cargo run --release -p corokit-benches --example soak -- --minutes 5`; with `--help` the options. It ends by
//! itself, prints one line of summary and one of JSON, and fails if anything was wrong. All is on this machine: the
//! servers listen on the loopback address only. Needs Linux, for the memory figures.
//!
//! Two servers run at the same time, each with a journal:
//!
//! - the **steady** one ([`steady`]) is never killed. Clients know what each reply must be, others attack it
//!   ([`attack`]). Its memory must not grow: a line is fitted to it. At the end it is shut down and
//!   started again, and has what it had.
//! - the **killed** one ([`killed`]) syncs its journal before each reply and is killed without warning, again and
//!   again. What it has acknowledged is there when it comes back.

mod attack;
mod client;
mod killed;
mod server;
mod steady;
mod watch;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

use watch::Watch;

const HELP: &str = "\
usage: [OPTION]...
  --minutes N    how long it takes, about; it may be a fraction [1]
  --seed N       what decides what the attackers do, and when a server is killed [1]
  --growth N     by how many MiB the memory of the steady server may grow, by a fitted line [4]
  --p99 N        within how many milliseconds 99 of 100 replies to a bystander come [250]
  --program FILE run this server in place of the example, which would be built
";

/// What the command line asks for.
struct Options {
    time: Duration,
    seed: u64,
    growth: f64,
    p99: f64,
    program: Option<PathBuf>,
}

impl Options {
    fn from_env() -> Result<Option<Self>, lexopt::Error> {
        let mut options = Options {
            time: Duration::from_secs(60),
            seed: 1,
            growth: 4.0,
            p99: 250.0,
            program: None,
        };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("minutes") => {
                    let minutes: f64 = args.value()?.parse()?;
                    options.time = Duration::try_from_secs_f64(60.0 * minutes)
                        .map_err(|error| lexopt::Error::Custom(error.into()))?;
                }
                Long("seed") => options.seed = args.value()?.parse()?,
                Long("growth") => options.growth = args.value()?.parse()?,
                Long("p99") => options.p99 = args.value()?.parse()?,
                Long("program") => options.program = Some(args.value()?.into()),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn main() -> ExitCode {
    match Options::from_env() {
        Ok(Some(options)) => match run(&options) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("soak: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("soak: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// Runs it all. Returns `false` if something was wrong.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => server::build()?,
    };
    let folder = server::Folder::new()?;
    let watch = Watch::new();
    let (steady, killed) = thread::scope(|threads| {
        threads.spawn(|| watch.end_after(options.time));
        let steady = threads.spawn(|| steady::run(&program, &folder, options.seed, &watch));
        let killed = threads.spawn(|| killed::run(&program, &folder, options.seed, &watch));
        let (steady, killed) = (steady.join(), killed.join());
        // Whoever else waits for the end, if one of those has found one of its own.
        watch.end();
        (steady, killed)
    });
    let broken = |_| "a thread has panicked";
    let (steady, killed) = (steady.map_err(broken)?, killed.map_err(broken)?);
    if let Some(steady) = &steady {
        watch.check(steady.growth <= options.growth, || {
            format!("memory grows by {:.1} MiB", steady.growth)
        });
        watch.check(steady.p99 <= options.p99, || {
            format!("99 of 100 replies take up to {:.1} ms", steady.p99)
        });
    }
    let problems = watch.problems();
    for problem in &problems {
        eprintln!("soak: {problem}");
    }
    let (steady, killed) = (steady.unwrap_or_default(), killed.unwrap_or_default());
    let minutes = watch.elapsed().as_secs_f64() / 60.0;
    let verdict = if problems.is_empty() {
        "passed"
    } else {
        "FAILED"
    };
    println!(
        "soak {verdict}: {minutes:.1} min, {} replies checked, {} attacks, {} kills, {} lost, 99 % of a bystander's \
         replies within {:.2} ms (at most {:.0}), longest {:.1} ms, memory {:.1} MiB, grown by {:.2} MiB (at most {:.0})",
        steady.replies + killed.replies,
        steady.attacks + killed.attacks,
        killed.kills,
        killed.lost,
        steady.p99,
        options.p99,
        steady.longest,
        steady.memory,
        steady.growth,
        options.growth,
    );
    println!(
        "{{\"passed\":{},\"minutes\":{minutes:.3},\"seed\":{},\"replies\":{},\"attacks\":{},\"kills\":{},\
         \"acknowledged\":{},\"lost\":{},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"longest_ms\":{:.3},\"memory_mib\":{:.2},\
         \"growth_mib\":{:.3},\"growth_mib_per_hour\":{:.3},\"samples\":{},\"problems\":{}}}",
        problems.is_empty(),
        options.seed,
        steady.replies + killed.replies,
        steady.attacks + killed.attacks,
        killed.kills,
        killed.acknowledged,
        killed.lost,
        steady.p50,
        steady.p99,
        steady.longest,
        steady.memory,
        steady.growth,
        steady.growth_per_hour,
        steady.samples,
        problems.len(),
    );
    Ok(problems.is_empty())
}
