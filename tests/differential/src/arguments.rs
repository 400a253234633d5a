//! What the command line asks for.

use std::ffi::OsString;
use std::str::FromStr;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Error, ValueExt};

/// What `--help` says.
pub(crate) const HELP: &str = "\
Runs random programs of promises in Node 20 and on thenable, and compares their traces.

usage: cargo run -p thenable-differential -- <command>

  fresh [--seconds N] [--seed N]   generates programs and compares, for 60 seconds or N, from a random seed or from N;
                                   a difference is shrunk and shown, and ends it
  show <seed | name | file>        shows a program in JavaScript and its two traces: the program of a seed, one of the
                                   corpus by its name or by its number as #N, or the JSON of a file
  corpus                           compares the recorded traces with the crate; needs no Node
  record [--seed N]                writes the corpus anew: runs the named programs in Node, and generates others
";

/// A command with its arguments.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Fresh { seconds: u64, seed: Option<u64> },
    Show { which: String },
    Record { seed: u64 },
    Corpus,
}

/// How long `fresh` runs, unless the command line says otherwise.
const SECONDS: u64 = 60;
/// Where `record` begins, so that it writes the same file twice.
const RECORDED_SEED: u64 = 1;

pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, Error> {
    let mut words = Vec::new();
    let (mut seconds, mut seed) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("seconds") => seconds = Some(number(parser.value()?, "--seconds")?),
            Long("seed") => seed = Some(number(parser.value()?, "--seed")?),
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (words.as_slice(), seconds, seed) {
        ([], None, None) => Err("which command?".into()),
        (["fresh"], seconds, seed) => Ok(Command::Fresh { seconds: seconds.unwrap_or(SECONDS), seed }),
        (["show", which], None, None) => Ok(Command::Show { which: (*which).to_string() }),
        (["show"], ..) => Err("show what? a seed, the name of a recorded program, or a file".into()),
        (["record"], None, seed) => Ok(Command::Record { seed: seed.unwrap_or(RECORDED_SEED) }),
        (["corpus"], None, None) => Ok(Command::Corpus),
        (["show", _] | ["record" | "corpus"], ..) => Err("that option belongs to another command".into()),
        ([command @ ("fresh" | "record" | "corpus" | "show"), ..], ..) => {
            Err(format!("too many arguments for `{command}`").into())
        }
        ([command, ..], ..) => Err(format!("there is no command `{command}`").into()),
        ([], ..) => Err("an option, but no command".into()),
    }
}

fn number<N: FromStr>(text: OsString, option: &str) -> Result<N, Error> {
    let text = text.string()?;
    text.parse().map_err(|_| format!("`{option} {text}`: that is not a number, or too large").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_have_their_options() {
        assert_eq!(parse_words("fresh"), Ok(Command::Fresh { seconds: 60, seed: None }));
        assert_eq!(parse_words("fresh --seed 7 --seconds=5"), Ok(Command::Fresh { seconds: 5, seed: Some(7) }));
        assert_eq!(parse_words("show T5"), Ok(Command::Show { which: "T5".to_string() }));
        assert_eq!(parse_words("record"), Ok(Command::Record { seed: 1 }));
        assert_eq!(parse_words("corpus"), Ok(Command::Corpus));
        assert_eq!(parse_words("fresh --help"), Ok(Command::Help));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, message) in [
            ("", "which command?"),
            ("--seed 1", "an option, but no command"),
            ("run", "there is no command `run`"),
            ("fresh --seed x", "`--seed x`: that is not a number, or too large"),
            ("fresh --seconds -1", "`--seconds -1`: that is not a number, or too large"),
            ("record --seconds 1", "that option belongs to another command"),
            ("fresh --loud", "invalid option '--loud'"),
            ("show", "show what? a seed, the name of a recorded program, or a file"),
            ("show 1 2", "too many arguments for `show`"),
        ] {
            assert_eq!(parse_words(line), Err(message.to_string()), "{line}");
        }
    }
}
