//! Names that change hands while a command runs: a collection is renamed and another one takes its
//! name, or it is dropped, or made again. Never is a target called finished, or equal, that has rows
//! of two collections.

mod one_server;
mod swapped;
