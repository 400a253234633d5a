//! The picture of the frame loop, drawn to memory.

use std::fmt::Write;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use thenable::{Budget, EventLoop};
use thenable_runtimes::frames::{Items, draw, load_all};

fn picture(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            text.push_str(buffer[(x, y)].symbol());
        }
        writeln!(text).unwrap();
    }
    text
}

#[test]
fn the_frames_show_how_far_the_loading_is() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = [("small", 1_usize), ("large", 64 * 1024 * 100)]
        .into_iter()
        .map(|(name, length)| {
            let path = folder.path().join(name);
            std::fs::write(&path, vec![1; length]).unwrap();
            path
        })
        .collect();
    let promises = EventLoop::new();
    let items = Items::default();
    let loaded = promises.enter(|| load_all(paths, &items));
    let mut terminal = Terminal::new(TestBackend::new(60, 10)).unwrap();
    terminal.draw(|frame| draw(frame, &items.borrow(), 0)).unwrap();
    assert!(picture(&terminal).contains("0 of 2 loaded, frame 0"));
    assert_eq!(picture(&terminal).matches("reading").count(), 2);

    let mut number = 0;
    let mut seen = Vec::new();
    while loaded.peek().is_none() {
        number += 1;
        // One piece a frame: the loading cannot hold the drawing up.
        let turn = promises.turn(Budget::unlimited().callbacks(1)).unwrap();
        assert!(turn.callbacks <= 1);
        terminal.draw(|frame| draw(frame, &items.borrow(), number)).unwrap();
        seen.push(items.borrow()[1].done);
        if !turn.more {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 101, "each piece of the large file had a frame of its own");
    let last = picture(&terminal);
    assert!(last.contains(&format!("2 of 2 loaded, frame {number}")), "{last}");
    assert_eq!(last.matches("100 %").count(), 2, "{last}");
    assert_eq!(promises.block_on(loaded).unwrap().len(), 2);
}

#[test]
fn what_cannot_be_loaded_is_shown_too() {
    let folder = tempfile::tempdir().unwrap();
    let promises = EventLoop::new();
    let items = Items::default();
    let loaded = promises.enter(|| load_all(vec![folder.path().join("nothing")], &items));
    let error = promises.block_on(loaded).unwrap_err();
    assert!(error.contains("nothing"), "{error}");
    let mut terminal = Terminal::new(TestBackend::new(60, 10)).unwrap();
    terminal.draw(|frame| draw(frame, &items.borrow(), 1)).unwrap();
    assert!(picture(&terminal).contains("failed"));
}
