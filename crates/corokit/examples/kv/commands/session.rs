//! Commands about the connection itself.

use super::{Call, Failure, Outcome, failure};
use crate::client::After;
use crate::resp;
use crate::store::Bytes;

pub(super) fn ping(call: &mut Call<'_>) -> Outcome {
    match call.args.len() {
        1 => call.out.simple("PONG"),
        2 => call.out.bulk(&call.args[1]),
        _ => return Err(Failure::wrong_arity("ping")),
    }
    Ok(())
}

pub(super) fn echo(call: &mut Call<'_>) -> Outcome {
    call.out.bulk(&call.args[1]);
    Ok(())
}

pub(super) fn quit(call: &mut Call<'_>) -> Outcome {
    call.client.after.set(After::Close);
    call.out.simple("OK");
    Ok(())
}

/// Closes the connection of a browser that was tricked into sending commands.
pub(super) fn not_http(call: &mut Call<'_>) -> Outcome {
    call.client.after.set(After::Close);
    Ok(())
}

/// There is one database: number 0.
pub(super) fn select(call: &mut Call<'_>) -> Outcome {
    const RANGE: Failure =
        Failure::new("ERR value is out of range, value must between -2147483648 and 2147483647");
    match i32::try_from(call.integer(1)?).map_err(|_| RANGE)? {
        0 => call.out.simple("OK"),
        _ => return Err(Failure::new("ERR DB index is out of range")),
    }
    Ok(())
}

/// Greets the client. The only version of the protocol that is spoken here is 2.
pub(super) fn hello(call: &mut Call<'_>) -> Outcome {
    if let Some(version) = call.args.get(1) {
        match resp::integer(version) {
            Some(2) => {}
            Some(_) => return Err(Failure::new("NOPROTO unsupported protocol version")),
            None => {
                let text = "ERR Protocol version is not an integer or out of range";
                return Err(Failure::new(text));
            }
        }
    }
    let mut at = 2;
    let mut name = None;
    while let Some(option) = call.args.get(at) {
        let left = call.args.len() - at - 1;
        if option.eq_ignore_ascii_case(b"auth") && left >= 2 {
            // The default user has no password, so any will do.
            if &call.args[at + 1] != b"default" {
                let text = "WRONGPASS invalid username-password pair or user is disabled.";
                return Err(Failure::new(text));
            }
            at += 3;
        } else if option.eq_ignore_ascii_case(b"setname") && left >= 1 {
            name = Some(valid_name(&call.args[at + 1])?);
            at += 2;
        } else {
            let option = failure::repeat(option);
            return Err(Failure::say(format_args!(
                "ERR Syntax error in HELLO option '{option}'"
            )));
        }
    }
    if let Some(name) = name {
        *call.client.name.borrow_mut() = Bytes::from_slice(name);
    }

    let out = &mut *call.out;
    out.array(14);
    for (field, value) in [
        ("server", "redis"),
        ("version", super::admin::REDIS_VERSION),
    ] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.integer(2);
    out.bulk(b"id");
    out.integer(call.client.id as i64);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    out.array(0);
    Ok(())
}

pub(super) fn client_id(call: &mut Call<'_>) -> Outcome {
    call.out.integer(call.client.id as i64);
    Ok(())
}

pub(super) fn client_getname(call: &mut Call<'_>) -> Outcome {
    match call.client.name.borrow().as_slice() {
        b"" => call.out.null_bulk(),
        name => call.out.bulk(name),
    }
    Ok(())
}

pub(super) fn client_setname(call: &mut Call<'_>) -> Outcome {
    let name = valid_name(&call.args[2])?;
    *call.client.name.borrow_mut() = Bytes::from_slice(name);
    call.out.simple("OK");
    Ok(())
}

/// Takes what a client library says about itself. Nobody asks for it here.
pub(super) fn client_setinfo(call: &mut Call<'_>) -> Outcome {
    let attribute = &call.args[2];
    if ![&b"lib-name"[..], b"lib-ver"]
        .iter()
        .any(|known| attribute.eq_ignore_ascii_case(known))
    {
        let attribute = failure::repeat(attribute);
        return Err(Failure::say(format_args!(
            "ERR Unrecognized option '{attribute}'"
        )));
    }
    call.out.simple("OK");
    Ok(())
}

/// Checks that a name can be shown in a list.
fn valid_name(name: &[u8]) -> Result<&[u8], Failure> {
    if name.iter().all(u8::is_ascii_graphic) {
        return Ok(name);
    }
    let text = "ERR Client names cannot contain spaces, newlines or special characters.";
    Err(Failure::new(text))
}
