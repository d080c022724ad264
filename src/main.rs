//! The `milvus-ferry` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(milvus_ferry::cli::run(std::env::args_os()))
}
