//! The command line of the differential test.

mod arguments;
mod commands;
mod record;

use std::process::ExitCode;

use arguments::{Command, HELP};
use commands::Verdict;

fn main() -> ExitCode {
    let command = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let verdict = match command {
        Command::Help => {
            print!("{HELP}");
            Ok(Verdict::Agree)
        }
        Command::Fresh { seconds, seed } => commands::fresh(seconds, seed),
        Command::Show { which } => commands::show(&which),
        Command::Record { seed } => record::record(seed),
        Command::Corpus => commands::corpus(),
    };
    match verdict {
        Ok(Verdict::Agree) => ExitCode::SUCCESS,
        Ok(Verdict::Differ) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("caused by: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
