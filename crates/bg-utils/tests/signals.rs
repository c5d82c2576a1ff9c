//! Signals: which of them trigger a shutdown, and which end the process.
#![cfg(unix)]

use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use corokit_bg_utils::shutdown::{Reason, Shutdown, Signal, Signals};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::block_on;
use rustix::process::{Pid, Signal as Sent, getpid, kill_process};

const SECOND: Duration = Duration::from_secs(1);

/// Listens in a thread, and tells of exits.
fn listening(signals: Signals) -> Receiver<i32> {
    let (sender, exits) = channel();
    let signals = signals.exit_with(move |code| sender.send(code).unwrap());
    signals.spawn_thread().unwrap();
    exits
}

fn send(signal: Sent) {
    kill_process(getpid(), signal).unwrap();
}

#[test]
fn the_first_signal_triggers_and_the_second_one_exits() {
    let (shutdown, signals) = Shutdown::on([Signal::Usr1]).unwrap();
    let exits = listening(signals);
    send(Sent::USR1);
    let reason = shutdown.wait_blocking();
    assert_eq!(reason, Reason::Signal(Sent::USR1.as_raw()));
    assert!(exits.try_recv().is_err());
    send(Sent::USR1);
    assert_eq!(exits.recv(), Ok(128 + Sent::USR1.as_raw()));
}

#[test]
fn the_first_signal_after_a_request_asks_for_what_goes_on_already() {
    let (shutdown, signals) = Shutdown::on([Signal::Usr2]).unwrap();
    let (sender, exits) = channel();
    let mut run = Box::pin(
        signals
            .exit_with(move |code| sender.send(code).unwrap())
            .run(),
    );
    // Tells of each time that it has looked for signals.
    let (looked, looks) = channel();
    thread::spawn(move || {
        block_on(poll_fn(|cx| {
            let polled = run.as_mut().poll(cx);
            let _ = looked.send(());
            polled
        }));
    });
    looks.recv().unwrap();
    shutdown.trigger("enough");
    send(Sent::USR2);
    looks.recv().unwrap();
    assert!(exits.try_recv().is_err());
    // Two that come at once may be one to the system.
    let code = loop {
        send(Sent::USR2);
        if let Ok(code) = exits.recv_timeout(SECOND / 100) {
            break code;
        }
    };
    assert_eq!(code, 128 + Sent::USR2.as_raw());
    assert_eq!(shutdown.reason(), Some("enough".into()));
}

#[test]
fn signals_that_are_not_listed_do_not_count() {
    let (alarm, alarms) = Shutdown::on([Signal::Alarm]).unwrap();
    let (shutdown, signals) = Shutdown::on([Signal::Winch, Signal::Urg]).unwrap();
    let signals = signals.no_force().force_after(SECOND / 50);
    let (alarmed, exits) = (listening(alarms), listening(signals));
    send(Sent::ALARM);
    alarm.wait_blocking();
    send(Sent::ALARM);
    // The one that listens for it has had both.
    assert_eq!(alarmed.recv(), Ok(128 + Sent::ALARM.as_raw()));
    assert!(!shutdown.is_triggered());
    send(Sent::WINCH);
    shutdown.wait_blocking();
    send(Sent::URG);
    // The second one has not ended it, but its time.
    assert_eq!(exits.recv(), Ok(128 + Sent::WINCH.as_raw()));
}

#[test]
fn it_exits_by_force_when_it_takes_too_long() {
    corokit_lab::run(1, |_| async {
        let (shutdown, signals) = Shutdown::on([Signal::Hup]).unwrap();
        let (sender, exits) = channel();
        let signals = signals.exit_with(move |code| sender.send(code).unwrap());
        let listens = spawn(signals.force_after(SECOND * 10).run());
        // Its time begins when it is triggered.
        sleep(SECOND * 100).await;
        shutdown.trigger("enough");
        sleep(SECOND * 10 - Duration::from_nanos(1)).await;
        assert!(exits.try_recv().is_err());
        sleep(SECOND).await;
        assert_eq!(exits.try_recv(), Ok(1));
        assert!(!listens.is_finished());
    });
}

/// Not a test of its own, and so ignored: the process that
/// `a_process_that_is_stuck_ends_by_a_second_signal` starts.
#[test]
#[ignore = "it hangs, for another test to end it"]
fn a_process_that_is_stuck() {
    let (shutdown, signals) = Shutdown::on_signals().unwrap();
    signals.spawn_thread().unwrap();
    println!("listening");
    println!("triggered: {}", shutdown.wait_blocking());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_process_that_is_stuck_ends_by_a_second_signal() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_process_that_is_stuck",
            "--ignored",
            "--nocapture",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = Pid::from_child(&process);
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains("listening") {
            kill_process(id, Sent::TERM).unwrap();
        } else if line.contains("triggered: SIGTERM") {
            kill_process(id, Sent::INT).unwrap();
        }
    }
    assert_eq!(process.wait().unwrap().code(), Some(130));
}
