//! Commands about the server.

use std::fmt::Write;
use std::time::Duration;

use super::table::{Access, COMMANDS, Command, find};
use super::{Call, Failure, Outcome};
use crate::client::After;
use crate::glob;
use crate::journal::Fsync;
use crate::resp::Output;

/// The version of Redis whose commands and texts these are.
pub(super) const REDIS_VERSION: &str = "7.0.15";

/// Lists the tasks of the event loop: id, name and state of each.
pub(super) fn tasks(call: &mut Call<'_>) -> Outcome {
    let tasks = call.server.event_loop.tasks();
    call.out.array(tasks.len());
    for task in tasks {
        call.out.array(3);
        call.out.bulk(task.id().to_string().as_bytes());
        match task.name() {
            Some(name) => call.out.bulk(name.as_bytes()),
            None => call.out.null_bulk(),
        }
        call.out.bulk(task.state().to_string().as_bytes());
    }
    Ok(())
}

/// Ends the server. There is no reply: the connection closes.
pub(super) fn shutdown(call: &mut Call<'_>) -> Outcome {
    let (mut save, mut no_save, mut abort) = (false, false, false);
    for option in call.args.from(1) {
        match option.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => no_save = true,
            b"now" | b"force" => {}
            b"abort" => abort = true,
            _ => return Err(Failure::SYNTAX),
        }
    }
    if (save && no_save) || (abort && call.args.len() > 2) {
        return Err(Failure::SYNTAX);
    }
    if abort {
        return Err(Failure::new("ERR No shutdown in progress."));
    }
    call.client.after.set(After::Shutdown);
    Ok(())
}

/// Replies with name and value of each setting whose name matches one of the patterns.
pub(super) fn config_get(call: &mut Call<'_>) -> Outcome {
    let options = &call.server.options;
    let settings = [
        (
            "appendfsync",
            String::from(match options.fsync {
                Fsync::Always => "always",
                Fsync::EverySecond => "everysec",
                Fsync::No => "no",
            }),
        ),
        (
            "appendonly",
            String::from(if options.journal.is_some() {
                "yes"
            } else {
                "no"
            }),
        ),
        ("bind", options.address.ip().to_string()),
        (
            "client-output-buffer-limit",
            format!("normal {} 0 0", options.output_limit),
        ),
        ("client-query-buffer-limit", options.input_limit.to_string()),
        ("databases", String::from("1")),
        ("maxclients", options.max_clients.to_string()),
        ("maxmemory", String::from("0")),
        ("port", options.address.port().to_string()),
        ("proto-max-bulk-len", (512_u32 << 20).to_string()),
        ("save", String::new()),
        ("tcp-keepalive", seconds(options.keepalive)),
        ("timeout", seconds(options.timeout)),
    ];
    if call.args.from(2).map(<[u8]>::len).sum::<usize>() > glob::LONGEST {
        return Err(Failure::LONG_PATTERN);
    }
    let patterns: Vec<_> = call.args.from(2).map(<[u8]>::to_ascii_lowercase).collect();
    let is_asked = |name: &str| patterns.iter().any(|p| glob::matches(p, name.as_bytes()));
    let asked: Vec<_> = settings.iter().filter(|(name, _)| is_asked(name)).collect();
    call.out.array(2 * asked.len());
    for (name, value) in asked {
        call.out.bulk(name.as_bytes());
        call.out.bulk(value.as_bytes());
    }
    Ok(())
}

/// Says how many seconds a setting is: 0 for never.
fn seconds(duration: Option<Duration>) -> String {
    duration
        .map_or(0, |duration| duration.as_secs())
        .to_string()
}

pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let server = call.server;
    let keys = match call.store.len() {
        0 => String::new(),
        keys => format!(
            "db0:keys={keys},expires={},avg_ttl=0\r\n",
            call.store.deadlines_len()
        ),
    };
    let sections = [
        (
            "Server",
            format!(
                "redis_version:{REDIS_VERSION}\r\nserver_name:corokit-kv\r\nredis_mode:standalone\r\n\
                 process_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\n",
                std::process::id(),
                server.options.address.port(),
                server.started.elapsed().as_secs(),
            ),
        ),
        (
            "Clients",
            format!(
                "connected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:{}\r\n",
                server.clients.get(),
                server.options.max_clients,
                call.store.waiters_len(),
            ),
        ),
        (
            "Stats",
            format!("total_commands_processed:{}\r\n", server.commands.get()),
        ),
        (
            "Replication",
            String::from("role:master\r\nconnected_slaves:0\r\n"),
        ),
        ("Keyspace", keys),
    ];
    let everything = ["all", "default", "everything"];
    let mut text = String::new();
    for (name, fields) in sections {
        let is_asked = |asked: &[u8]| {
            asked.eq_ignore_ascii_case(name.as_bytes())
                || everything
                    .iter()
                    .any(|all| asked.eq_ignore_ascii_case(all.as_bytes()))
        };
        if call.args.len() == 1 || call.args.from(1).any(is_asked) {
            let gap = if text.is_empty() { "" } else { "\r\n" };
            write!(text, "{gap}# {name}\r\n{fields}").expect("a string takes any text");
        }
    }
    call.out.bulk(text.as_bytes());
    Ok(())
}

pub(super) fn command(call: &mut Call<'_>) -> Outcome {
    call.out.array(COMMANDS.len());
    for command in COMMANDS {
        describe(call.out, command);
    }
    Ok(())
}

pub(super) fn command_count(call: &mut Call<'_>) -> Outcome {
    call.out.integer(COMMANDS.len() as i64);
    Ok(())
}

/// There are no texts about the commands.
pub(super) fn command_docs(call: &mut Call<'_>) -> Outcome {
    call.out.array(0);
    Ok(())
}

pub(super) fn command_info(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 2 {
        return command(call);
    }
    call.out.array(call.args.len() - 2);
    for name in call.args.from(2) {
        match find(COMMANDS, name) {
            Some(command) => describe(call.out, command),
            None => call.out.null_bulk(),
        }
    }
    Ok(())
}

/// Describes a command: name, number of arguments, flags, places of the keys, and four empty
/// lists, where Redis has categories, tips, key specifications and members.
fn describe(out: &mut Output, command: &Command) {
    out.array(10);
    out.bulk(command.name.as_bytes());
    out.integer(command.arity);
    match command.access {
        Access::Read => {
            out.array(1);
            out.simple("readonly");
        }
        Access::Write => {
            out.array(1);
            out.simple("write");
        }
        Access::Other => out.array(0),
    }
    let (first, last, step) = command.keys;
    for place in [first, last, step] {
        out.integer(place);
    }
    for _ in 0..4 {
        out.array(0);
    }
}
