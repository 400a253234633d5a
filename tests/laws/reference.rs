//! The crate against the model: random programs, whole traces.
//!
//! Does it see anything? The model was broken in nineteen ways, among them: adoption one tick short, `finally` one tick short, a
//! thenable called at once, reactions in reverse, an `await` that costs two ticks or handles nothing, a rejection reported
//! though it was handled, reports in reverse. Each was found within the first hundred programs.

use proptest::prelude::*;

use crate::program::program;
use crate::{cases, model, native, on_a_new_thread};

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn programs_run_as_on_the_model(program in program(3)) {
        let (expected, _) = on_a_new_thread(|| model::execute(&program));
        let run = on_a_new_thread(|| native::execute(&program));
        prop_assert_eq!(run.trace, expected);
    }
}
