//! The commands: how they are found and run. What each one does is in the files named after the
//! data that they are about.

mod admin;
mod blocking;
mod failure;
mod keys;
mod lists;
mod long;
mod scan;
mod session;
mod strings;
mod table;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use corokit::priority::Priority;

use crate::client::Client;
use crate::resp::{self, Args, Input, Output};
use crate::server::Server;
use crate::store::Store;
use failure::Failure;
#[cfg(test)]
pub(crate) use table::COMMANDS;
pub(crate) use table::Command;
use table::{Chosen, Run, find};

/// A command on its way, with all that it may use.
struct Call<'a> {
    client: &'a Client,
    server: &'a Server,
    store: &'a mut Store,
    args: Args<'a>,
    out: &'a mut Output,
}

/// How a command ends: with a reply in the output, or with an error.
type Outcome = Result<(), Failure>;

/// What a command that may block returns.
type Blocking<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

impl Call<'_> {
    /// Reads an argument as an integer.
    fn integer(&self, index: usize) -> Result<i64, Failure> {
        resp::integer(&self.args[index]).ok_or(Failure::NOT_AN_INTEGER)
    }
}

/// Runs the command that the input holds. Its reply is in the client's output then.
///
/// # Cancel safety
///
/// Dropping it while it blocks is never having waited.
pub(crate) async fn execute(client: Rc<Client>, input: Box<Input>) -> Box<Input> {
    let server = &*client.server;
    server.commands.set(server.commands.get() + 1);
    let command = resolve(input.args());
    let urgent = command.as_ref().is_ok_and(|command| command.urgent);
    let about_keys = command
        .as_ref()
        .is_ok_and(|command| command.access != table::Access::Other);
    client.urgency.set(match urgent {
        true => Priority::HIGH,
        false => Priority::NORMAL,
    });
    let outcome = match command.map(|command| command.run.choose(input.args())) {
        Ok(Chosen::Now(run)) => {
            let outcome = run(&mut Call {
                client: &client,
                server,
                store: &mut server.store.borrow_mut(),
                args: input.args(),
                out: &mut client.out.borrow_mut(),
            });
            server.tell();
            outcome
        }
        Ok(Chosen::Blocking(run)) => {
            let outcome = run(&client, input.args()).await;
            server.tell();
            outcome
        }
        Ok(Chosen::None) => Err(Failure::SYNTAX),
        Err(failure) => Err(failure),
    };
    if about_keys {
        client.see();
    }
    if let Err(failure) = outcome {
        client.out.borrow_mut().error(failure);
    }
    input
}

/// Finds the command that is asked for, and checks the number of its arguments.
fn resolve(args: Args<'_>) -> Result<&'static Command, Failure> {
    let command = find(table::COMMANDS, &args[0]).ok_or_else(|| Failure::unknown(args))?;
    match (&command.run, args.get(1)) {
        (Run::Group(_, members), Some(name)) => {
            let unknown = || Failure::unknown_member(command.name, name);
            let member = find(members, name).ok_or_else(unknown)?;
            if !member.takes(args.len()) {
                let full_name = format!("{}|{}", command.name, member.name);
                return Err(Failure::wrong_arity(&full_name));
            }
            Ok(member)
        }
        _ if command.takes(args.len()) => Ok(command),
        _ => Err(Failure::wrong_arity(command.name)),
    }
}
