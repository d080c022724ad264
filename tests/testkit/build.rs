//! Compiles the official Milvus `.proto` files with every type decoded, client and server: this is how
//! the tests read data back independently of the code under test, and how they stand in for a server.

#[path = "../../proto/prune.rs"]
mod prune;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../proto");
    println!("cargo:rerun-if-changed=build.rs");
    let mut descriptors = protox::compile(["milvus.proto"], ["../../proto"])?;
    prune::prune(&mut descriptors);
    // The service has an RPC named Connect, which collides with tonic's generated `connect()`.
    tonic_prost_build::configure()
        .build_transport(false)
        .build_server(true)
        .generate_default_stubs(true)
        .compile_fds(descriptors)?;
    Ok(())
}
