//! What an urgent request waits for when there is too much to do: first in, first out, with priorities, and with
//! priorities that locks inherit; on corokit, and the same program on tokio and on smol.
//!
//! ```text
//! cargo run --release -p corokit-benches --example overload
//! ```
//!
//! Options: `--load 0.98` (more than once for several), `--seconds 60`, `--seed 1`, `--processor` to let the steps really
//! take their time, in processor time of the thread, and `--plots FOLDER` to write the figures as SVG.

mod plots;

use std::error::Error;
use std::path::PathBuf;

use corokit_benches::overload::{Clock, Contestant, Latencies, Load, inversion, overload};
use lexopt::{Arg, ValueExt};

/// How many tasks are in between.
const HOGS: [usize; 6] = [0, 1, 5, 10, 25, 50];

struct Options {
    loads: Vec<f64>,
    seconds: f64,
    seed: u64,
    clock: Clock,
    plots: Option<PathBuf>,
}

impl Options {
    fn from_env() -> Result<Self, lexopt::Error> {
        let mut options = Options {
            loads: Vec::new(),
            seconds: 60.0,
            seed: 1,
            clock: Clock::Virtual,
            plots: None,
        };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Long("load") => options.loads.push(args.value()?.parse()?),
                Arg::Long("seconds") => options.seconds = args.value()?.parse()?,
                Arg::Long("seed") => options.seed = args.value()?.parse()?,
                Arg::Long("processor") => options.clock = Clock::Processor,
                Arg::Long("plots") => options.plots = Some(args.value()?.into()),
                arg => return Err(arg.unexpected()),
            }
        }
        if options.loads.is_empty() {
            options.loads = vec![0.95, 0.98, 0.99, 1.2];
        }
        let within = |load: &f64| *load > 0.0 && load.is_finite();
        if !options.loads.iter().all(within) || options.seconds.is_nan() || options.seconds <= 0.0 {
            return Err("loads and seconds are positive numbers".into());
        }
        Ok(options)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env()?;
    for share in &options.loads {
        let load = Load {
            share: *share,
            seconds: options.seconds,
            seed: options.seed,
        };
        let all = Contestant::ALL.map(|contestant| {
            let latencies = overload(contestant, load, options.clock);
            (contestant.name(), latencies)
        });
        table(share, &all);
        if let Some(folder) = &options.plots {
            let name = format!("overload-{:.0}.svg", share * 100.0);
            plots::latencies(&folder.join(name), *share, &all)?;
        }
    }

    println!(
        "\nms that an urgent task waits for a lock that a low one needs for 0.9 ms more, beside so many others"
    );
    print!("{:<38}", "");
    HOGS.iter().for_each(|hogs| print!("{hogs:>9}"));
    println!();
    let waits = Contestant::ALL.map(|contestant| {
        let waits = HOGS.map(|hogs| inversion(contestant, hogs, options.clock));
        print!("{:<38}", contestant.name());
        waits
            .iter()
            .for_each(|wait| print!("{:>9.2}", millis(*wait)));
        println!();
        (contestant.name(), waits)
    });
    if let Some(folder) = &options.plots {
        plots::inversion(&folder.join("inversion.svg"), &HOGS, &waits)?;
    }
    Ok(())
}

fn table(load: &f64, all: &[(&str, Latencies)]) {
    println!(
        "\nlatencies at {:.0} % load, ms: 50 %, 99 %, 99.9 %, and the most",
        load * 100.0
    );
    println!(
        "{:<38}{:>41}{:>22}{:>22}",
        "", "urgent", "normal: 99 %", "batch: 99 %"
    );
    for (name, latencies) in all {
        print!("{name:<38}");
        for share in [0.5, 0.99, 0.999, 1.0] {
            print!("{:>10.2}", millis(Latencies::at(&latencies.urgent, share)));
        }
        let [normal, batch] =
            [&latencies.normal, &latencies.batch].map(|class| millis(Latencies::at(class, 0.99)));
        println!("{normal:>22.2}{batch:>22.2}");
    }
}

fn millis(ns: u64) -> f64 {
    ns as f64 / 1e6
}
