# Recipes for work on milvus-ferry. `just` is optional: each is a command or two.

# Everything that has to pass before a change is merged.
ci:
    .ci/run

# All tests of the project: unit tests, and the binaries pure, doubles and live.
test:
    cargo test

# The tests that start no server.
test-fast:
    cargo test --lib --bins --test pure --test doubles

# The tests of the doubles and of the rest of the testkit.
test-kit:
    cargo test -p testkit

# Tests on real servers, those whose name contains FILTER.
test-live FILTER="":
    cargo test --test live {{FILTER}}

# Rewrite the files that are made from the code.
generate:
    UPDATE=1 cargo test --test pure generated
