//! Reports as people and other programs read them: tables, pages, and JSON. Nothing in here measures.

mod capacity_table;
mod compare_table;
pub mod json;
pub mod page;
pub mod table;
