//! The sixteen pairs. Those in every run have each server as source and as target; the others are
//! asked for by name: `cargo test --test live matrix::pairs -- --include-ignored`.

use super::pair::run;
use testkit::lab::Kind;

macro_rules! pairs {
    ($($(#[$attribute:meta])* $name:ident: $from:ident => $to:ident;)*) => {
        $(
            $(#[$attribute])*
            #[tokio::test]
            async fn $name() {
                run(Kind::$from, Kind::$to).await;
            }
        )*
    };
}

pairs! {
    #[ignore = "asked for by name"]
    from_2216_to_2216: Milvus2216 => Milvus2216;
    from_2216_to_235: Milvus2216 => Milvus235B;
    #[ignore = "asked for by name"]
    from_2216_to_lite25: Milvus2216 => Lite25;
    from_2216_to_lite3: Milvus2216 => Lite3;
    from_235_to_2216: Milvus235A => Milvus2216;
    from_235_to_235: Milvus235A => Milvus235B;
    from_235_to_lite25: Milvus235A => Lite25;
    #[ignore = "asked for by name"]
    from_235_to_lite3: Milvus235A => Lite3;
    #[ignore = "asked for by name"]
    from_lite25_to_2216: Lite25 => Milvus2216;
    from_lite25_to_235: Lite25 => Milvus235B;
    #[ignore = "asked for by name"]
    from_lite25_to_lite25: Lite25 => Lite25;
    from_lite25_to_lite3: Lite25 => Lite3;
    from_lite3_to_2216: Lite3 => Milvus2216;
    #[ignore = "asked for by name"]
    from_lite3_to_235: Lite3 => Milvus235B;
    #[ignore = "asked for by name"]
    from_lite3_to_lite25: Lite3 => Lite25;
    #[ignore = "asked for by name"]
    from_lite3_to_lite3: Lite3 => Lite3;
}
