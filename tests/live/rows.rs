//! Rows on their way from one server to another, with the copy path alone: the target is made by
//! hand, without plan file or command.

mod digests;
mod every_type;
mod merged;
mod settings;
