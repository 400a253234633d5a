//! Loading things while a frame loop draws: the state, the loading and the picture. The example `frame_loop` shows them.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Gauge};
use thenable::{Promise, immediate};

/// How much of a file is worked through in one callback of the loop.
const CHUNK: usize = 64 * 1024;

/// One thing that is being loaded.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// What is shown.
    pub name: String,
    /// Its length, as soon as it is read.
    pub length: Option<usize>,
    /// How much of it is worked through.
    pub done: usize,
    /// Why it could not be loaded.
    pub error: Option<String>,
}

impl Item {
    /// How much of it is done: from 0 to 1.
    pub fn ratio(&self) -> f64 {
        match self.length {
            None => 0.0,
            Some(0) => 1.0,
            #[expect(clippy::cast_precision_loss, reason = "it is for a picture")]
            Some(length) => self.done as f64 / length as f64,
        }
    }
}

/// What is shown, and changed by the handlers of the loop.
pub type Items = Rc<RefCell<Vec<Item>>>;

/// Loads all the files: each is read on the pool of threads and worked through on the loop's thread, a piece at a time, so
/// that a frame is never late because of it. Fulfilled with the checksums; rejected if a file cannot be read.
pub fn load_all(paths: Vec<PathBuf>, items: &Items) -> Promise<Vec<u32>, String> {
    let name = |path: &PathBuf| path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    *items.borrow_mut() = paths.iter().map(|path| Item { name: name(path), ..Item::default() }).collect();
    let loads: Vec<_> = paths.into_iter().enumerate().map(|(index, path)| load(path, index, items.clone())).collect();
    Promise::all(loads)
}

fn load(path: PathBuf, index: usize, items: Items) -> Promise<u32, String> {
    let failed = items.clone();
    Promise::blocking(move || std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display())))
        .then_async(async move |bytes: Vec<u8>| {
            items.borrow_mut()[index].length = Some(bytes.len());
            let mut checksum = 0;
            for chunk in bytes.chunks(CHUNK) {
                checksum =
                    chunk.iter().fold(checksum, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
                items.borrow_mut()[index].done += chunk.len();
                // Here the turn may end, if the frame's time is used up.
                immediate::<String>().await?;
            }
            Ok(checksum)
        })
        .catch(move |error| {
            failed.borrow_mut()[index].error = Some(error.clone());
            Err(error)
        })
}

/// Draws a gauge for each item, and a line with the number of the frame.
pub fn draw(frame: &mut Frame<'_>, items: &[Item], number: u64) {
    let rows = vec![Constraint::Length(3); items.len()];
    let [gauges, footer] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    for (item, area) in items.iter().zip(Layout::vertical(rows).split(gauges).iter()) {
        draw_item(frame, item, *area);
    }
    let done = items.iter().filter(|item| item.ratio() >= 1.0).count();
    frame.render_widget(Line::raw(format!("{done} of {} loaded, frame {number}, q ends", items.len())), footer);
}

fn draw_item(frame: &mut Frame<'_>, item: &Item, area: Rect) {
    let color = if item.error.is_some() { Color::Red } else { Color::Cyan };
    let label = match (&item.error, item.length) {
        (Some(_), _) => "failed".to_owned(),
        (None, None) => "reading".to_owned(),
        (None, Some(_)) => format!("{:.0} %", item.ratio() * 100.0),
    };
    let gauge = Gauge::default()
        .block(Block::bordered().title(item.name.as_str()))
        .gauge_style(Style::new().fg(color))
        .ratio(item.ratio().clamp(0.0, 1.0))
        .label(label);
    frame.render_widget(gauge, area);
}
