//! A frame loop of 60 Hz in a terminal: it loads files through promises while it draws, and shows how far they are.
//!
//! `cargo run -p thenable-runtimes --example frame_loop` loads files that it makes itself; with arguments, those. `q` ends
//! it. Where the output is not a terminal it draws to memory, and prints the last picture.

use std::cell::RefCell;
use std::error::Error;
use std::io::{IsTerminal, stdout};
use std::path::PathBuf;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::{Backend, TestBackend};
use ratatui::crossterm::event::{self, Event, KeyCode};
use thenable::{Budget, EventLoop};
use thenable_runtimes::frames::{Items, draw, load_all};

const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// What promises may take of a frame.
const BUDGET: Budget = Budget::unlimited().time(Duration::from_millis(2));

fn main() -> Result<(), Box<dyn Error>> {
    let (paths, made) = files()?;
    let shown = if stdout().is_terminal() {
        let shown = show(&mut ratatui::init(), paths, true);
        ratatui::restore();
        shown
    } else {
        let mut terminal = Terminal::new(TestBackend::new(80, 24))?;
        let shown = show(&mut terminal, paths, false);
        println!("{}", terminal.backend());
        shown
    };
    if let Some(folder) = made {
        std::fs::remove_dir_all(folder)?;
    }
    println!("{}", shown?);
    Ok(())
}

fn show<B>(terminal: &mut Terminal<B>, paths: Vec<PathBuf>, has_keys: bool) -> Result<String, Box<dyn Error>>
where
    B: Backend<Error: Error + 'static>,
{
    let promises = EventLoop::new();
    // What arrives from the pool is taken up at once, and not in the next frame only.
    let drawer = thread::current();
    promises.on_wake(move || drawer.unpark());

    let items = Items::default();
    let outcome = Rc::new(RefCell::new(None));
    promises.enter(|| {
        let (loaded, failed) = (outcome.clone(), outcome.clone());
        load_all(paths, &items)
            .map(move |sums| *loaded.borrow_mut() = Some(Ok(sums)))
            .catch(move |error| *failed.borrow_mut() = Some(Err(error)));
    });

    let (start, mut frames) = (Instant::now(), 0);
    let mut next_frame = start;
    let outcome = loop {
        let turn = promises.turn(BUDGET)?;
        if Instant::now() >= next_frame {
            frames += 1;
            next_frame += FRAME;
            terminal.draw(|frame| draw(frame, &items.borrow(), frames))?;
            if has_keys && wants_to_end()? {
                return Ok("not all was loaded".to_owned());
            }
            if let Some(outcome) = outcome.take() {
                break outcome;
            }
        }
        // If the budget is used up, there is more to do in the next frame. If not, a timer may be due before.
        let to_next_frame = next_frame.saturating_duration_since(Instant::now());
        let deadline = promises.next_deadline().filter(|_| !turn.more);
        let to_deadline = deadline.map(|deadline| deadline.saturating_sub(promises.now()));
        thread::park_timeout(to_deadline.map_or(to_next_frame, |deadline| deadline.min(to_next_frame)));
    };
    let checksums = outcome?;
    Ok(format!("{} files in {:?}, {frames} frames: {checksums:08x?}", checksums.len(), start.elapsed()))
}

/// Whether somebody has pressed `q`. It does not wait.
fn wants_to_end() -> std::io::Result<bool> {
    while event::poll(Duration::ZERO)? {
        if matches!(event::read()?, Event::Key(key) if key.code == KeyCode::Char('q')) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The files to load: the arguments, or some that are made here, in a folder to be removed.
fn files() -> std::io::Result<(Vec<PathBuf>, Option<PathBuf>)> {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if !arguments.is_empty() {
        return Ok((arguments, None));
    }
    let folder = std::env::temp_dir().join(format!("frame_loop_{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut paths = Vec::new();
    for (name, megabytes) in [("forest", 2), ("lake", 4), ("mountain", 8), ("sky", 1)] {
        let path = folder.join(name);
        let bytes: Vec<u8> = (0..=250).cycle().take(megabytes << 20).collect();
        std::fs::write(&path, bytes)?;
        paths.push(path);
    }
    Ok((paths, Some(folder)))
}
