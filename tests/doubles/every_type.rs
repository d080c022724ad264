//! Every type, with nulls, in every layout that servers answer in.

use testkit::collection::Collection;
use testkit::data;
use testkit::fake::{Feature, NullScalars, Profile};
use testkit::lines::{everything_24, everything_25, everything_26, everything_30};
use testkit::pb::schema::DataType;
use testkit::scene::library::Pair;

const ROWS: usize = 400;

async fn arrives(from: Profile, to: Profile, preset: fn(&str, DataType) -> Collection) {
    for key in [DataType::Int64, DataType::VarChar] {
        let scene = Pair::between_doubles(from.clone(), to.clone()).await;
        let collection = preset("all", key);
        let rows = data::table(&collection, ROWS, 7);
        scene.arrives_whole(&collection, &rows).await;
    }
}

fn milvus(version: &str) -> Profile {
    Profile::milvus(version)
}

fn compact(profile: &mut Profile) {
    profile.null_scalars = NullScalars::Compact;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_24_to_30() {
    arrives(milvus("2.4.10"), milvus("3.0.0"), everything_24).await;
}

/// Where every row of a nullable field has to be flagged.
#[tokio::test(flavor = "multi_thread")]
async fn of_25_to_25() {
    arrives(milvus("2.5.4"), milvus("2.5.4"), everything_25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_26_to_26() {
    arrives(milvus("2.6.20"), milvus("2.6.20"), everything_26).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_30_to_30() {
    arrives(milvus("3.0.0"), milvus("3.0.0"), everything_30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_layout_of_answers() {
    let shuffled = |profile: &mut Profile| profile.shuffled_columns = true;
    for source in [
        milvus("3.0.0").set(compact),
        milvus("3.0.0").with(Feature::OwnValidity),
        milvus("3.0.0").with(Feature::OwnValidity).set(compact).set(shuffled),
    ] {
        arrives(source, milvus("3.0.0"), everything_30).await;
    }
}
