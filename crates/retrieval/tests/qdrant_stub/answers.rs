//! What the stub answers.

use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{self as q, CollectionStatus, UpdateStatus, vector, vector_input};
use tonic::{Request, Response, Status};

use super::store::{Collection, Point};
use super::{Faults, Service};

type Answer<T> = Result<Response<T>, Status>;

/// The rest of a service is not there.
macro_rules! service {
    ($service:ident { $($given:tt)* } absent { $($name:ident($request:ident) -> $answer:ident;)* }) => {
        #[tonic::async_trait]
        impl $service for Service {
            $($given)*
            $(
                async fn $name(&self, _: Request<q::$request>) -> Answer<q::$answer> {
                    Err(Status::unimplemented(stringify!($name)))
                }
            )*
        }
    };
}

fn number(id: Option<&q::PointId>) -> Result<u64, Status> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Num(id)) => Ok(*id),
        _ => Err(Status::invalid_argument("an id that is no number")),
    }
}

impl Service {
    fn updated(&self) -> Response<q::PointsOperationResponse> {
        let status = if Faults::count_down(&self.faults.lagging) {
            UpdateStatus::WaitTimeout
        } else {
            UpdateStatus::Completed
        };
        Response::new(q::PointsOperationResponse {
            result: Some(q::UpdateResult {
                operation_id: None,
                status: status as i32,
            }),
            ..Default::default()
        })
    }

    fn with<T>(
        &self,
        name: &str,
        run: impl FnOnce(&mut Collection) -> Result<T, Status>,
    ) -> Result<T, Status> {
        run(self.store.lock().unwrap().get(name)?)
    }
}

fn done(result: bool) -> Response<q::CollectionOperationResponse> {
    Response::new(q::CollectionOperationResponse { result, time: 0.0 })
}

service!(Collections {
    async fn collection_exists(&self, request: Request<q::CollectionExistsRequest>) -> Answer<q::CollectionExistsResponse> {
        self.faults.enter("exists").await?;
        let name = request.into_inner().collection_name;
        let exists = self.store.lock().unwrap().collections.contains_key(&name);
        Ok(Response::new(q::CollectionExistsResponse {
            result: Some(q::CollectionExists { exists }),
            ..Default::default()
        }))
    }

    async fn create(&self, request: Request<q::CreateCollection>) -> Answer<q::CollectionOperationResponse> {
        self.faults.enter("create").await?;
        let request = request.into_inner();
        let name = request.collection_name.clone();
        let collections = &mut self.store.lock().unwrap().collections;
        if collections.contains_key(&name) {
            return Err(Status::invalid_argument(format!("Wrong input: Collection `{name}` already exists!")));
        }
        collections.insert(name, Collection {
            made_as: request,
            points: Default::default(),
            indexed: Default::default(),
        });
        Ok(done(true))
    }

    async fn delete(&self, request: Request<q::DeleteCollection>) -> Answer<q::CollectionOperationResponse> {
        self.faults.enter("drop").await?;
        let name = request.into_inner().collection_name;
        Ok(done(self.store.lock().unwrap().collections.remove(&name).is_some()))
    }

    async fn get(&self, request: Request<q::GetCollectionInfoRequest>) -> Answer<q::GetCollectionInfoResponse> {
        self.faults.enter("info").await?;
        let building = Faults::count_down(&self.faults.building);
        let status = if building { CollectionStatus::Yellow } else { CollectionStatus::Green };
        self.with(&request.into_inner().collection_name, |collection| {
            let params = q::CollectionParams {
                vectors_config: collection.made_as.vectors_config.clone(),
                ..Default::default()
            };
            let config = q::CollectionConfig { params: Some(params), ..Default::default() };
            let info = q::CollectionInfo {
                status: status as i32,
                config: Some(config),
                ..Default::default()
            };
            Ok(Response::new(q::GetCollectionInfoResponse { result: Some(info), ..Default::default() }))
        })
    }
} absent {
    list(ListCollectionsRequest) -> ListCollectionsResponse;
    update(UpdateCollection) -> CollectionOperationResponse;
    update_aliases(ChangeAliases) -> CollectionOperationResponse;
    list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
    list_aliases(ListAliasesRequest) -> ListAliasesResponse;
    collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
    update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
    create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
    delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
    list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
});

fn retrieved(id: u64) -> q::RetrievedPoint {
    q::RetrievedPoint {
        id: Some(id.into()),
        ..Default::default()
    }
}

service!(Points {
    async fn upsert(&self, request: Request<q::UpsertPoints>) -> Answer<q::PointsOperationResponse> {
        self.faults.enter("upsert").await?;
        let failing = self.faults.failing_upsert.load(std::sync::atomic::Ordering::SeqCst) as usize;
        if failing > 0 && self.faults.calls("upsert") == failing {
            return Err(Status::resource_exhausted("no space left on the disk"));
        }
        let request = request.into_inner();
        assert_eq!(request.wait, Some(true));
        self.with(&request.collection_name, |collection| {
            for point in request.points {
                let Some(q::vectors::VectorsOptions::Vector(values)) =
                    point.vectors.and_then(|v| v.vectors_options)
                else {
                    return Err(Status::invalid_argument("no vector"));
                };
                let Some(vector::Vector::Dense(values)) = values.vector else {
                    return Err(Status::invalid_argument("no dense vector"));
                };
                let stored = Point { values: values.data, payload: point.payload };
                collection.points.insert(number(point.id.as_ref())?, stored);
            }
            Ok(())
        })?;
        Ok(self.updated())
    }

    async fn delete(&self, request: Request<q::DeletePoints>) -> Answer<q::PointsOperationResponse> {
        self.faults.enter("delete").await?;
        let request = request.into_inner();
        assert_eq!(request.wait, Some(true));
        let Some(PointsSelectorOneOf::Points(list)) = request.points.and_then(|p| p.points_selector_one_of) else {
            return Err(Status::invalid_argument("no list of ids"));
        };
        self.with(&request.collection_name, |collection| {
            for id in &list.ids {
                collection.points.remove(&number(Some(id))?);
            }
            Ok(())
        })?;
        Ok(self.updated())
    }

    async fn get(&self, request: Request<q::GetPoints>) -> Answer<q::GetResponse> {
        self.faults.enter("get").await?;
        let request = request.into_inner();
        self.with(&request.collection_name, |collection| {
            let mut result = Vec::new();
            for id in &request.ids {
                let id = number(Some(id))?;
                result.extend(collection.points.contains_key(&id).then(|| retrieved(id)));
            }
            Ok(Response::new(q::GetResponse { result, ..Default::default() }))
        })
    }

    async fn create_field_index(&self, request: Request<q::CreateFieldIndexCollection>) -> Answer<q::PointsOperationResponse> {
        self.faults.enter("index").await?;
        let request = request.into_inner();
        assert_eq!(request.field_type(), q::FieldType::Integer);
        self.with(&request.collection_name, |collection| {
            collection.indexed.insert(request.field_name);
            Ok(())
        })?;
        Ok(self.updated())
    }

    async fn count(&self, request: Request<q::CountPoints>) -> Answer<q::CountResponse> {
        self.faults.enter("count").await?;
        self.with(&request.into_inner().collection_name, |collection| {
            let count = collection.points.len() as u64;
            Ok(Response::new(q::CountResponse { result: Some(q::CountResult { count }), ..Default::default() }))
        })
    }

    async fn scroll(&self, request: Request<q::ScrollPoints>) -> Answer<q::ScrollResponse> {
        self.faults.enter("scroll").await?;
        let request = request.into_inner();
        self.with(&request.collection_name, |collection| {
            let passing = collection.points.iter().filter(|(_, point)| point.passes(request.filter.as_ref()));
            let mut found: Vec<(&u64, &Point)> = passing.collect();
            if let Some(order) = &request.order_by {
                if !collection.indexed.contains(&order.key) {
                    return Err(Status::invalid_argument(format!("No range index for `order_by` key: `{}`", order.key)));
                }
                found.sort_by_key(|(_, point)| match point.payload.get(&order.key).and_then(|v| v.kind.as_ref()) {
                    Some(Kind::IntegerValue(n)) => *n,
                    _ => i64::MIN,
                });
                if order.direction() == q::Direction::Desc {
                    found.reverse();
                }
            }
            let limit = request.limit.unwrap_or(10) as usize;
            let result = found.into_iter().take(limit).map(|(id, _)| retrieved(*id)).collect();
            Ok(Response::new(q::ScrollResponse { result, ..Default::default() }))
        })
    }

    async fn query(&self, request: Request<q::QueryPoints>) -> Answer<q::QueryResponse> {
        self.faults.enter("query").await?;
        let request = request.into_inner();
        let Some(Variant::Nearest(input)) = request.query.and_then(|q| q.variant) else {
            return Err(Status::invalid_argument("not a search for the nearest"));
        };
        let Some(vector_input::Variant::Dense(query)) = input.variant else {
            return Err(Status::invalid_argument("not a dense vector"));
        };
        self.with(&request.collection_name, |collection| {
            let passing = collection.points.iter().filter(|(_, point)| point.passes(request.filter.as_ref()));
            let mut scored: Vec<(f32, u64, &Point)> = passing.map(|(id, point)| (point.score(&query.data), *id, point)).collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            let limit = request.limit.unwrap_or(10) as usize;
            let result = scored.into_iter().take(limit).map(|(score, id, point)| q::ScoredPoint {
                id: Some(id.into()),
                payload: point.payload.clone(),
                score,
                vectors: Some(q::VectorsOutput {
                    vectors_options: Some(q::vectors_output::VectorsOptions::Vector(q::VectorOutput {
                        vector: Some(q::vector_output::Vector::Dense(q::DenseVector { data: point.values.clone() })),
                        ..Default::default()
                    })),
                }),
                ..Default::default()
            });
            Ok(Response::new(q::QueryResponse { result: result.collect(), ..Default::default() }))
        })
    }
} absent {
    update_vectors(UpdatePointVectors) -> PointsOperationResponse;
    delete_vectors(DeletePointVectors) -> PointsOperationResponse;
    set_payload(SetPayloadPoints) -> PointsOperationResponse;
    overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
    delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
    clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
    delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
    create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
    delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
    search(SearchPoints) -> SearchResponse;
    search_batch(SearchBatchPoints) -> SearchBatchResponse;
    search_groups(SearchPointGroups) -> SearchGroupsResponse;
    recommend(RecommendPoints) -> RecommendResponse;
    recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
    recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
    discover(DiscoverPoints) -> DiscoverResponse;
    discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
    update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
    query_batch(QueryBatchPoints) -> QueryBatchResponse;
    query_groups(QueryPointGroups) -> QueryGroupsResponse;
    facet(FacetCounts) -> FacetResponse;
    search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
    search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
});
