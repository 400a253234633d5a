//! A differential test of `thenable` against Node: random programs run in both, and their traces must be equal.
//!
//! `README.md` says what that proves and how to work with it. In reading order: [`program`] is what a program is, in
//! data; [`generate`] makes random ones; [`javascript`] is a program in JavaScript, which [`oracle`] runs in Node;
//! [`native`] runs it on the crate; [`trace`] compares. [`shrink`] makes a program that fails smaller. [`corpus`] is
//! what was recorded, [`select`] says what is worth it.

pub mod corpus;
pub mod generate;
pub mod javascript;
pub mod native;
pub mod oracle;
pub mod program;
pub mod select;
pub mod shrink;
pub mod trace;
