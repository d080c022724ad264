use super::*;

#[test]
fn names_that_the_server_made_up_are_no_choice() {
    assert_eq!(chosen_index_name("_default_idx_101", "vec"), "");
    assert_eq!(chosen_index_name("vec", "vec"), "");
    assert_eq!(chosen_index_name("by_vec", "vec"), "by_vec");
    assert_eq!(chosen_index_name("_default_idx_mine", "vec"), "_default_idx_mine");
    assert_eq!(chosen_index_name("meta/brand/name", "meta"), "");
    assert_eq!(chosen_index_name("clips[vec]", "clips[vec]"), "");
}

fn pair(key: &str, value: &str) -> common::KeyValuePair {
    common::KeyValuePair { key: key.to_owned(), value: value.to_owned() }
}

fn schema_of(id: i64, name: &str, data_type: DataType) -> schema::FieldSchema {
    schema::FieldSchema {
        field_id: id,
        name: name.to_owned(),
        data_type: data_type.0,
        description: format!("about {name}"),
        ..Default::default()
    }
}

fn default_of(data: schema::value_field::Data) -> schema::ValueField {
    schema::ValueField { data: Some(data) }
}

/// A schema with everything that 3.0 knows.
fn everything() -> schema::CollectionSchema {
    use schema::value_field::Data;
    let fields = vec![
        schema::FieldSchema {
            is_primary_key: true,
            auto_id: true,
            ..schema_of(100, "id", DataType::INT64)
        },
        schema::FieldSchema {
            is_partition_key: true,
            type_params: vec![pair("max_length", "64"), pair("mmap.enabled", "true")],
            ..schema_of(101, "tenant", DataType::VARCHAR)
        },
        schema::FieldSchema {
            nullable: true,
            is_clustering_key: true,
            default_value: Some(default_of(Data::LongData(7))),
            ..schema_of(105, "rank", DataType::INT64)
        },
        schema::FieldSchema {
            element_type: DataType::VARCHAR.0,
            type_params: vec![pair("max_capacity", "8"), pair("max_length", "16")],
            ..schema_of(106, "words", DataType::ARRAY)
        },
        schema::FieldSchema {
            type_params: vec![
                pair("max_length", "500"),
                pair("enable_analyzer", "true"),
                pair("analyzer_params", "{\"type\": \"english\"}"),
                pair("enable_match", "true"),
                pair("warmup", "sync"),
            ],
            ..schema_of(107, "body", DataType::VARCHAR)
        },
        schema::FieldSchema {
            is_function_output: true,
            ..schema_of(108, "terms", DataType::SPARSE_FLOAT_VECTOR)
        },
        schema::FieldSchema {
            type_params: vec![pair("dim", "8")],
            nullable: true,
            ..schema_of(109, "embedding", DataType::FLOAT_VECTOR)
        },
        schema::FieldSchema {
            default_value: Some(default_of(Data::TimestamptzData(1_735_689_600_000_000))),
            ..schema_of(110, "at", DataType::TIMESTAMPTZ)
        },
    ];
    let function = schema::FunctionSchema {
        name: "full_text".to_owned(),
        id: 3,
        description: "of the body".to_owned(),
        r#type: FunctionKind::BM25.0,
        input_field_names: vec!["body".to_owned()],
        input_field_ids: vec![107],
        output_field_names: vec!["terms".to_owned()],
        output_field_ids: vec![108],
        params: vec![pair("k", "1")],
    };
    let clips = schema::StructArrayFieldSchema {
        field_id: 120,
        name: "clips".to_owned(),
        description: "about clips".to_owned(),
        nullable: true,
        type_params: vec![pair("mmap.enabled", "false")],
        fields: vec![
            schema::FieldSchema {
                nullable: true,
                element_type: DataType::INT32.0,
                type_params: vec![pair("max_capacity", "8")],
                ..schema_of(121, "clips[length]", DataType::ARRAY)
            },
            schema::FieldSchema {
                nullable: true,
                element_type: DataType::FLOAT_VECTOR.0,
                type_params: vec![pair("max_capacity", "8"), pair("dim", "4")],
                ..schema_of(122, "vec", DataType::ARRAY_OF_VECTOR)
            },
        ],
    };
    schema::CollectionSchema {
        name: "all".to_owned(),
        description: "of everything".to_owned(),
        fields,
        functions: vec![function],
        struct_array_fields: vec![clips],
        enable_dynamic_field: true,
        properties: vec![pair("timezone", "Asia/Shanghai")],
        version: 4,
        ..Default::default()
    }
}

fn answer(of: schema::CollectionSchema) -> pb::DescribeCollectionResponse {
    pb::DescribeCollectionResponse {
        schema: Some(of),
        collection_id: 7,
        shards_num: 3,
        num_partitions: 16,
        consistency_level: common::ConsistencyLevel::Session.into(),
        properties: vec![pair("collection.ttl.seconds", "60")],
        aliases: vec!["z".to_owned(), "a".to_owned()],
        collection_name: "z".to_owned(),
        ..Default::default()
    }
}

/// What a server describes that was sent this.
fn taken(request: &pb::CreateCollectionRequest) -> pb::DescribeCollectionResponse {
    let schema = schema::CollectionSchema::decode(request.schema.clone()).unwrap();
    pb::DescribeCollectionResponse {
        shards_num: request.shards_num,
        num_partitions: request.num_partitions,
        consistency_level: request.consistency_level,
        properties: request.properties.clone(),
        aliases: vec!["a".to_owned(), "z".to_owned()],
        ..answer(schema)
    }
}

#[test]
fn what_is_described_is_created_and_described_again() {
    let found = described("db", answer(everything())).unwrap().collection;
    assert_eq!(
        (found.name.as_str(), found.aliases.as_slice()),
        ("all", &["a", "z"].map(String::from)[..])
    );
    assert_eq!(found.num_partitions, Some(16));
    assert_eq!(found.properties.len(), 2);
    assert_eq!(found.columns().len(), 9); // without what BM25 computes

    let request = create_request(&found, None, false).unwrap();
    assert_eq!((request.db_name.as_str(), request.collection_name.as_str()), ("db", "all"));
    let sent = schema::CollectionSchema::decode(request.schema.clone()).unwrap();
    // Nothing that only the first server's copy has.
    assert!(sent.fields.iter().all(|field| field.field_id == 0 && !field.is_dynamic));
    assert_eq!((sent.functions[0].id, sent.version), (0, 0));
    assert!(sent.functions[0].input_field_ids.is_empty());
    assert!(sent.struct_array_fields[0].fields.iter().all(|part| !part.nullable));
    let names: Vec<_> =
        sent.struct_array_fields[0].fields.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["length", "vec"]);

    assert_eq!(described("db", taken(&request)).unwrap().collection, found);
}

fn mark() -> Mark {
    let text = |text: &str| text.to_owned();
    Mark { since: text("2026-11-29T20:31:00.000Z"), owner: text("0f"), plan: text("catalog") }
}

/// A mark is no property, wherever it is, and what is left of one is nothing.
#[test]
fn marks_are_told_from_properties() {
    let plain = described("db", answer(everything())).unwrap();
    assert_eq!(plain.marks, []);
    for on_schema in [false, true] {
        let request = create_request(&plain.collection, Some(&mark()), on_schema).unwrap();
        let sent = schema::CollectionSchema::decode(request.schema.clone()).unwrap();
        assert_eq!(sent.properties.len(), usize::from(on_schema));
        assert_eq!(
            request.properties.len(),
            plain.collection.properties.len() + usize::from(!on_schema)
        );
        let mut answer = taken(&request);
        let emptied = pair(&Mark::property("1e"), "");
        answer.properties.push(emptied);
        let found = described("db", answer).unwrap();
        assert_eq!(found.marks, [mark()]);
        assert_eq!(found.collection, plain.collection);
    }
}

#[test]
fn a_default_moment_is_the_same_however_it_is_described() {
    use schema::value_field::Data;
    let of = |data| {
        let field_schema = schema::FieldSchema {
            default_value: Some(default_of(data)),
            ..schema_of(110, "at", DataType::TIMESTAMPTZ)
        };
        field(field_schema).unwrap().default_value.unwrap()
    };
    let number = of(Data::TimestamptzData(1_735_689_600_000_000));
    assert_eq!(number, of(Data::StringData("2025-01-01T08:00:00+08:00".to_owned())));
    let ValueOfDefault(bytes) = &number;
    let text = schema::ValueField::decode(bytes.as_slice()).unwrap().data;
    assert_eq!(text, Some(Data::StringData("2025-01-01T00:00:00Z".to_owned())));
    // What only the server can read is left as it is.
    let local = Data::StringData("2025-01-01 08:00:00".to_owned());
    let ValueOfDefault(bytes) = of(local.clone());
    assert_eq!(schema::ValueField::decode(bytes.as_slice()).unwrap().data, Some(local));
}

#[test]
fn columns_of_the_server_are_no_fields_and_unknown_kinds_are_refused() {
    let mut schema = everything();
    schema.fields.insert(0, schema_of(0, "RowID", DataType::INT64));
    schema.fields[0].field_id = 1;
    let meta = schema::FieldSchema { is_dynamic: true, ..schema_of(130, "$meta", DataType::JSON) };
    schema.fields.push(meta);
    let found = described("db", answer(schema.clone())).unwrap().collection;
    assert_eq!(found.fields.len(), 8);

    schema.fields[5].element_nullable = true;
    let why = described("db", answer(schema)).unwrap_err();
    assert!(why.contains("elements may be null"), "{why}");
}

#[test]
fn indexes_of_several_paths_stay_several() {
    let description = |name: &str, path: &str| pb::IndexDescription {
        index_name: name.to_owned(),
        field_name: "meta".to_owned(),
        params: vec![pair("index_type", "INVERTED"), pair("json_path", path)],
        ..Default::default()
    };
    let found = indexes(vec![
        description("meta/b", "meta[\"b\"]"),
        description("meta/a", "meta[\"a\"]"),
        description("meta/a", "meta[\"a\"]"),
        description("mine", "meta[\"c\"]"),
    ]);
    let paths: Vec<_> = found
        .iter()
        .map(|index| (index.name.as_str(), index.params["json_path"].as_str()))
        .collect();
    assert_eq!(paths, [("", "meta[\"a\"]"), ("", "meta[\"b\"]"), ("mine", "meta[\"c\"]")]);
}
