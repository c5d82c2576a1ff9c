//! Clients that mean no good. All keys that they touch begin with `hostile`, and there are few of those.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use fastrand::Rng;

use crate::client::{Client, command};
use crate::watch::Watch;

/// Attacks until it is over. Returns how often.
///
/// What the server does about it is its own affair, but that it is there: that it does not take a connection
/// is a problem, unless it may be killed meanwhile.
pub(crate) fn run(
    address: impl Fn() -> SocketAddr,
    is_killed: bool,
    seed: u64,
    watch: &Watch,
) -> u64 {
    let mut rng = Rng::with_seed(seed);
    let mut attacks = 0;
    while !watch.is_over() {
        // Whether a write fails or a read ends early is not looked at: the server may hang up on an attacker.
        let _ = attack(&mut rng, address());
        attacks += 1;
        if !is_killed {
            watch.expect("an attacker is not let in", Client::connect(address()));
        }
        watch.pause(Duration::from_millis(rng.u64(0..50)));
    }
    attacks
}

fn attack(rng: &mut Rng, address: SocketAddr) -> io::Result<()> {
    let mut client = Client::connect(address)?;
    // Not every attack gets a reply.
    client
        .socket()
        .set_read_timeout(Some(Duration::from_millis(500)))?;
    // What is written is in the journal for ever: the largest attacks are rare.
    let rarely = rng.u32(..50) == 0;
    match rng.u32(0..14) {
        // Any bytes.
        0 => {
            let bytes: Vec<u8> = (0..rng.usize(1..5000)).map(|_| rng.u8(..)).collect();
            client.send(&bytes)
        }
        // Bytes that look like a request.
        1 => {
            let alphabet = b"*$\r\n0123456789- \"'\\GETS";
            let bytes: Vec<u8> = (0..rng.usize(1..500))
                .map(|_| alphabet[rng.usize(..alphabet.len())])
                .collect();
            client.send(&bytes)
        }
        // A conversation, cut off anywhere, and a connection that is closed, half closed or broken.
        2..=4 => {
            let bytes = conversation(rng);
            client.send(&bytes[..rng.usize(..bytes.len())])?;
            match rng.u32(0..3) {
                0 => client.socket().shutdown(Shutdown::Write),
                // A reply that is not read breaks the connection.
                1 => client.socket().peek(&mut [0]).map(drop),
                _ => Ok(()),
            }
        }
        // A byte at a time.
        5 => conversation(rng)
            .chunks(1)
            .take(200)
            .try_for_each(|byte| client.send(byte)),
        // Lengths that mean no good.
        6 => client.send(
            [
                "*2147483647\r\n",
                "*1\r\n$9999999999\r\n",
                "*-1\r\n*1048576\r\n$536870912\r\n",
            ][rng.usize(..3)]
            .as_bytes(),
        ),
        // Arrays in arrays.
        7 => client.send(&b"*1\r\n".repeat(rng.usize(1..10_000))),
        // Much that is asked for, and not read.
        8 => {
            let value = vec![b'x'; if rarely { 1_000_000 } else { 20_000 }];
            client.send(&command(&[b"SET", b"hostile:large", &value]))?;
            client
                .socket()
                .set_write_timeout(Some(Duration::from_millis(50)))?;
            client.send(&b"GET hostile:large\r\n".repeat(2000))
        }
        // A long pipeline, of which some replies are read.
        9 => {
            let mut socket: TcpStream = client.socket().try_clone()?;
            client
                .socket()
                .set_write_timeout(Some(Duration::from_millis(50)))?;
            let _ = client.send(&b"PING\r\n".repeat(rng.usize(1..50_000)));
            socket.read(&mut [0; 5000]).map(drop)
        }
        // Very many strings.
        10 => {
            let count = if rarely { 10_000 } else { 500 };
            let keys: Vec<String> = (0..count).map(|key| format!("hostile:{key}")).collect();
            let words = |name: &'static str| -> Vec<&[u8]> {
                let words = keys.iter().map(String::as_bytes);
                std::iter::once(name.as_bytes()).chain(words).collect()
            };
            client.call(&words("MSET"))?;
            client.send(&command(&words("MGET")))?;
            client.send(&command(&words("DEL")))
        }
        // A long list, taken apart, and left in the middle of it.
        11 => {
            let mut words: Vec<&[u8]> = vec![b"RPUSH", b"hostile:list"];
            let element = &b"0123456789012345678901234567890123456789"[..];
            let count = if rarely { 5000 } else { 500 };
            words.extend(std::iter::repeat_n(element, count));
            client.call(&words)?;
            client.send(b"LRANGE hostile:list 0 -1\r\nLPOP hostile:list 100000\r\n")?;
            client.socket().peek(&mut [0]).map(drop)
        }
        // Waiting, in every way, and going.
        12 => {
            client.send(b"BLPOP hostile:none hostile:other 0\r\n")?;
            client.send(&b"PING\r\n".repeat(rng.usize(0..5000)))
        }
        // A pattern that is slow to compare; and very many connections.
        _ => {
            client.line(&format!("SET hostile:{} 1", "a".repeat(5000)))?;
            client.send(format!("KEYS *{}b\r\n", "a".repeat(100)).as_bytes())?;
            let open: Vec<_> = (0..30).map(|_| Client::connect(address)).collect();
            drop(open);
            Ok(())
        }
    }
}

/// All sorts of commands.
fn conversation(rng: &mut Rng) -> Vec<u8> {
    let key = format!("hostile:{}", rng.u32(..10));
    let key = key.as_bytes();
    [
        command(&[b"SET", key, b"value", b"PX", b"50"]),
        command(&[b"GET", key]),
        command(&[b"DEL", b"hostile:list", key]),
        command(&[b"RPUSH", b"hostile:list", b"1", b"2", b"3"]),
        command(&[b"LRANGE", b"hostile:list", b"0", b"-1"]),
        command(&[b"BLPOP", b"hostile:list", b"0.01"]),
        b"INCR hostile:n\r\nEXPIRE hostile:n 1\r\nSCAN 0 MATCH hostile:[0-9]\r\nINFO\r\nTASKS\r\n"
            .to_vec(),
        command(&[b"BLPOP", b"hostile:none", b"1"]),
        command(&[b"PING"]),
    ]
    .concat()
}
