//! What a server says of a collection beyond its rows, and changes of it behind the tool's back.

use std::collections::BTreeMap;

use super::{Probe, refusal};
use crate::collection::pair;
use crate::pb::milvus;
use crate::pb::schema::FieldSchema;

impl Probe {
    /// The properties of a collection, without what servers before 2.4 keep of a mark.
    pub async fn properties(&self, collection: &str) -> BTreeMap<String, String> {
        let properties = self.describe(collection).await.properties;
        let properties = properties.into_iter().map(|pair| (pair.key, pair.value));
        let is_left =
            |name: &str, value: &str| name.starts_with("milvus-ferry.filling.") && value.is_empty();
        properties.filter(|(name, value)| !is_left(name, value)).collect()
    }

    pub async fn field(&self, collection: &str, name: &str) -> FieldSchema {
        let fields = self.describe(collection).await.schema.unwrap().fields;
        fields.into_iter().find(|field| field.name == name).unwrap()
    }

    /// Every parameter of the index on a field, and its name as `name`; empty without one.
    pub async fn index(&self, collection: &str, field: &str) -> BTreeMap<String, String> {
        let request = milvus::DescribeIndexRequest {
            db_name: self.database().to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        // Without any index, servers refuse to describe them.
        let all = self.raw().describe_index(request).await.unwrap().into_inner();
        let Some(index) = all.index_descriptions.into_iter().find(|one| one.field_name == field)
        else {
            return BTreeMap::new();
        };
        let mut params: BTreeMap<String, String> =
            index.params.into_iter().map(|pair| (pair.key, pair.value)).collect();
        params.insert("name".to_owned(), index.index_name);
        params
    }

    /// The collection that a name leads to, or nothing.
    pub async fn leads_to(&self, name: &str) -> Option<String> {
        let request = milvus::DescribeCollectionRequest {
            db_name: self.database().to_owned(),
            collection_name: name.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().describe_collection(request).await.unwrap().into_inner();
        match refusal(answer.status.as_ref()) {
            Some(_) => None,
            None => Some(answer.schema.unwrap().name),
        }
    }

    /// Rows that were ever written to it, as the server says without loading it.
    pub async fn written(&self, collection: &str) -> String {
        self.flush(collection).await;
        let request = milvus::GetCollectionStatisticsRequest {
            db_name: self.database().to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().get_collection_statistics(request).await.unwrap().into_inner();
        assert_eq!(refusal(answer.status.as_ref()), None);
        answer.stats.into_iter().find(|pair| pair.key == "row_count").unwrap().value
    }

    pub async fn set_property(&self, collection: &str, name: &str, value: &str) {
        let request = milvus::AlterCollectionRequest {
            db_name: self.database().to_owned(),
            collection_name: collection.to_owned(),
            properties: vec![pair(name, value)],
            ..Default::default()
        };
        let answer = self.raw().alter_collection(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None);
    }

    pub async fn move_alias(&self, alias: &str, collection: &str) {
        let request = milvus::AlterAliasRequest {
            db_name: self.database().to_owned(),
            alias: alias.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().alter_alias(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None);
    }

    pub async fn drop_alias(&self, alias: &str) {
        let request = milvus::DropAliasRequest {
            db_name: self.database().to_owned(),
            alias: alias.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().drop_alias(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None);
    }
}
