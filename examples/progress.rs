//! A progress bar over requests that run four at a time, within a time limit for all of them.
//!
//! `cargo run --example progress`. The bar is that of the crate `indicatif`; without a terminal it is not drawn.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use thenable::{AbortSignal, Aborted, Progress, Promise, block_on, with_progress};

const PAGES: u64 = 40;

/// The length of a page. Some take longer than others.
fn fetch(page: u64, signal: &AbortSignal) -> Promise<u64, Aborted> {
    signal.delay(Duration::from_millis(10 + page * 7 % 30)).map(move |()| page * 100)
}

fn show(bar: &ProgressBar, Progress { done, total }: Progress) {
    if let Some(total) = total {
        bar.set_length(total.try_into().expect("a usize fits"));
    }
    bar.set_position(done.try_into().expect("a usize fits"));
}

fn main() -> Result<(), Aborted> {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} pages").expect("the template is right");
    let bar = ProgressBar::no_length().with_style(style);
    let shown = bar.clone();

    let lengths = Promise::with_timeout(Duration::from_secs(10), |signal| {
        with_progress(move |progress| show(&shown, progress)).map_all(1..=PAGES, 4, move |page| fetch(page, &signal))
    });
    let total: u64 = block_on(lengths)?.into_iter().sum();

    bar.finish();
    println!("{total} bytes");
    assert_eq!((bar.position(), bar.length()), (PAGES, Some(PAGES)));
    assert_eq!(total, 82_000);
    Ok(())
}
