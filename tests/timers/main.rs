//! Timers, immediates and the phases of the loop, by random programs: against a plain model of Node's, and one way of driving
//! the loop against the others.
mod driven;
mod million;
mod model;
mod program;

use proptest::prelude::*;

use driven::{by_pieces_of_time, by_run, by_turns};
use program::{Program, program};

/// So many cases, or in proportion more if `PROPTEST_CASES` asks for more than its default of 256.
fn cases(count: u32) -> ProptestConfig {
    let scale = ProptestConfig::default().cases.div_ceil(256);
    ProptestConfig { failure_persistence: None, cases: count * scale, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_run_is_what_the_model_of_node_says(program in program(true)) {
        prop_assert_eq!(by_run(&program), model::run(&program));
    }

    // `keep_alive` is left out below: a run ends when nothing keeps it alive, and turns go on.

    #[test]
    fn turns_of_any_size_do_what_a_run_does(program in program(false), budgets in prop::collection::vec(0_usize..4, 1..6)) {
        // With a budget of 0 in each turn the loop would never get on.
        prop_assume!(budgets.iter().any(|budget| *budget > 0));
        prop_assert_eq!(by_turns(&program, &budgets), by_run(&program));
    }

    #[test]
    fn a_clock_that_is_advanced_by_pieces_does_what_a_run_does(
        program in program(false),
        pieces in prop::collection::vec(0_u64..7, 1..6),
    ) {
        prop_assume!(pieces.iter().any(|piece| *piece > 0));
        prop_assert_eq!(by_pieces_of_time(&program, &pieces), by_run(&program));
    }
}

/// Programs, and what Node 20.20.2 printed for them under a virtual clock.
const NODE: [(&str, &str); 8] = [
    // Node does not read its clock to refresh a timer that was cleared.
    (
        "t2 u0- t1 m t1 | | c4 b2 | t3 t10 | r4 | c83 | | b2 c38 | t4 i | t3 t1 t3 | t1 | u94-",
        "0@0 3@0 2@1 4@3 1@3 5@3",
    ),
    (
        "r98 s i i r32 v7:3 u35- t10 t1 | m b3 | t2 t2 t5 |  |  |  | t7 |  | c99 | t7 v4:4 i | t7 i t1 | t2 \
         c47",
        "0@0 1@0 6@3 2@3 5@3 8@5 9@5 13@5 14@8 3@8 10@8 19@8 12@9 20@9 21@9 22@9 28@9 30@9 4@10 16@10 7@10 \
         25@10 33@13 31@13 36@13 37@13 38@16 15@16 11@16 3@16 18@16 23@16 26@16 29@16 32@16 17@16 27@16 35@17 \
         24@19 34@20 39@20 27@20 35@21 3@23 23@23 27@24 35@25 39@27 27@28 35@29 23@30",
    ),
    (
        "u56+ c2 t3 c76 r14 t3 | c26 | t2 t6 | u49- i t6 | k t7 | t5 v7:2 t2 | v2:3 | t5 t1 i c35 | t0 u74+ | \
         i k c13 | s m i u21+ | b3 k t6",
        "0@0 2@3 3@5 5@5 9@7 11@7 12@10 7@10 10@10 19@10 20@10 23@10 25@13 6@13 17@13 22@13 31@13 24@13 8@13 \
         14@13 15@13 32@13 35@13 34@16 38@16 16@16 21@16 27@16 30@16 39@16 13@16 36@16 37@16 28@18 33@18 \
         27@18 26@19 29@20 8@20 27@20 29@27",
    ),
    (
        "t3 t5 i b3 u69- t5 | t5 | c92 i i v1:4 | t5 | c42 u46+ | u3- |  | c76 |  | b1 c86 r29 | c31 t2 u14+ \
         i | t4 i i t0",
        "0@0 1@3 3@3 2@5 7@5 8@5 9@6 9@7 4@8 9@8 9@9",
    ),
    (
        "t5 b1 i t5 | c11 | k i | v7:4 r25 t6 | v4:1 |  | i | k i | t2 | c8 i t4 c34 | t5 t5 b3 | i t10 b1 \
         r15",
        "0@0 2@1 4@1 5@1 1@5 6@5 7@5 8@5 9@5 11@5 3@6 13@6 10@7 12@10 20@11 16@12 17@12 18@12 24@12 15@13 \
         22@13 26@16 32@16 19@16 35@16 21@17 23@17 33@18 36@18 37@19 25@19 27@19 30@19 31@19 34@19 29@22 \
         15@22 38@26 28@29 15@29 28@36 15@36 28@43 28@50",
    ),
    (
        "v3:1 v4:3 c96 i t7 t5 |  |  | i b2 | t10 c45 |  | u80- | i t3 b8 t10 | b1 c71 c74 | t5 |  | r51 v3:1 \
         t0",
        "0@0 3@0 6@2 2@4 5@5 4@7 2@8 2@12 7@17 8@25 9@26 11@31 13@32 12@34 16@34 10@35 14@37 15@38 20@40 \
         18@41 17@41 19@44 21@52 22@53 24@57 27@57 30@59 25@60 26@61 23@62 29@62 32@63 28@64 26@65 31@65 \
         34@73 35@74 26@74 33@74 38@75 37@77 39@79 36@83",
    ),
    (
        "i t1 c1 t2 | t3 t5 | t1 | v1:2 i | v4:2 t6 m | t10 t5 b1 | t1 i c24 | v7:1 | b5 u60- t2 t2 |  |  | ",
        "0@0 1@0 3@2 7@2 4@3 11@3 6@3 13@3 12@4 6@4 16@4 23@4 20@4 5@9 15@10 17@10 19@11 14@11 18@11 9@11 \
         21@11 8@11 10@16 29@16 35@17 22@17 28@17 33@17 34@17 24@17 25@17 31@17 9@17 21@17 32@18 28@23 36@23 \
         37@23 26@24 30@24 39@24 38@26",
    ),
    (
        "i t1 r44 t3 t0 v3:2 t2 | m t4 | t10 t10 c58 r83 |  | b2 |  |  |  | i t5 | m | t5 | t5 u95- t1",
        "0@0 1@0 7@0 2@1 4@1 6@3 8@4 3@4 11@4 14@5 12@9 13@9 23@9 17@9 18@10 20@10 26@10 27@10 9@11 31@11 \
         22@11 19@12 21@12 33@12 34@12 24@13 36@13 25@14 37@14 39@14 16@15 10@17 21@17 28@17 38@19 32@19 \
         35@19 29@20 30@20",
    ),
];

#[test]
fn programs_print_what_node_printed() {
    for (text, trace) in NODE {
        let program = Program::parse(text);
        assert_eq!(program::print(&by_run(&program)), trace, "{text}");
        assert_eq!(program::print(&model::run(&program)), trace, "the model: {text}");
    }
}

#[test]
fn a_program_is_read_as_it_is_written() {
    for (text, _) in NODE {
        let written = format!("{:?}", Program::parse(text));
        assert_eq!(format!("{:?}", Program::parse(&written)), written);
        assert_eq!(written.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
    }
}
