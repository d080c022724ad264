//! The same searches at both ends, and the schema of the target against the source and the wanted
//! one: with the library alone, on real servers.

mod schema;
mod searches;
