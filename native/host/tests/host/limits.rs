//! Limits: a component that exceeds one affects its own requests only.

use std::time::{Duration, Instant};

use futures::FutureExt;
use http::StatusCode;

use super::app::{App, get, text};

fn unruly() -> App {
    App::new(
        r#"
[[trigger.http]]
route = "/unruly/..."
component = "unruly"
[[trigger.http]]
route = "/hello"
component = "hello"
[component.unruly]
source = "@unruly"
[component.hello]
source = "@hello"
"#,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_is_a_500_and_other_requests_are_served() {
    let host = unruly()
        .limits(|limits| limits.request_deadline = Duration::from_secs(1))
        .load()
        .await;
    text(&host, "/hello").await;
    let started = Instant::now();
    let loops: Vec<_> = (0..3)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { get(&host, "/unruly/loop").await })
        })
        .collect();
    while host.stats().live_instances < 4 {
        tokio::task::yield_now().await;
    }
    // There are more loops than threads, and other requests are served.
    let start = Instant::now();
    assert_eq!(text(&host, "/hello").await, "Hello, world!");
    assert_eq!(get(&host, "/unruly/x").await.status, StatusCode::OK);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    for looping in loops {
        let answer = looping.await.unwrap();
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.text, "");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(get(&host, "/unruly/x").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_during_an_endless_loop_is_served_by_another_instance() {
    let host = unruly()
        .limits(|limits| limits.request_deadline = Duration::from_secs(3))
        .load()
        .await;
    let looping = {
        let host = host.clone();
        tokio::spawn(async move { get(&host, "/unruly/wait-then-loop").await })
    };
    // The instance waits first and counts as free. Then it loops.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(&host, "/unruly/x").await.status, StatusCode::OK);
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(looping.await.unwrap().status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_endless_allocation_is_stopped_at_the_memory_limit() {
    let host = unruly()
        .limits(|limits| limits.max_memory_bytes = 32 << 20)
        .load()
        .await;
    let answer = get(&host, "/unruly/hog").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "")
    );
    assert_eq!(get(&host, "/unruly/x").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_trap_is_a_500_with_an_empty_body_and_the_next_request_is_served() {
    let host = unruly().load().await;
    for _ in 0..3 {
        let answer = get(&host, "/unruly/trap").await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::INTERNAL_SERVER_ERROR, "")
        );
        assert_eq!(get(&host, "/unruly/x").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_trap_answers_the_other_requests_of_its_instance() {
    let host = unruly().load().await;
    let (trapped, sibling) = tokio::join!(get(&host, "/unruly/wait-then-trap"), get(&host, "/unruly/wait"));
    assert_eq!(trapped.status, StatusCode::INTERNAL_SERVER_ERROR);
    // A request in the same instance fails as well. One in another instance succeeds.
    assert!(matches!(
        sibling.status,
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::OK
    ));
    assert_eq!(get(&host, "/unruly/x").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_waiting_instance_serves_other_requests() {
    let host = unruly().load().await;
    let waiting = get(&host, "/unruly/wait");
    let meanwhile = async {
        // Until the first instance waits, more instances are made.
        loop {
            let answer = text(&host, "/unruly/x").await;
            let (_, most_at_once) = answer.split_once(' ').unwrap();
            if most_at_once != "1" {
                break;
            }
        }
    };
    let (waited, ()) = tokio::join!(
        waiting,
        tokio::time::timeout(Duration::from_secs(5), meanwhile).map(Result::unwrap)
    );
    assert_eq!(waited.status, StatusCode::OK);
}

#[tokio::test]
async fn an_instance_is_replaced_after_its_last_request() {
    let host = unruly().limits(|limits| limits.max_instance_reuse = 3).load().await;
    let mut served = Vec::new();
    for _ in 0..7 {
        let answer = text(&host, "/unruly/x").await;
        served.push(answer.split_once(' ').unwrap().0.to_owned());
    }
    assert_eq!(served, ["1", "2", "3", "1", "2", "3", "1"]);
    assert_eq!(host.stats().instances_made, 3);
}

#[tokio::test]
async fn an_instance_above_the_memory_limit_takes_no_more_requests() {
    let host = unruly()
        .limits(|limits| limits.max_reused_memory_bytes = 6 << 20)
        .load()
        .await;
    for _ in 0..3 {
        assert_eq!(text(&host, "/unruly/large").await, "1 1");
    }
    assert_eq!(text(&host, "/unruly/x").await, "1 1");
    assert_eq!(text(&host, "/unruly/x").await, "2 1");
}

#[tokio::test]
async fn an_idle_instance_ends() {
    let host = unruly()
        .limits(|limits| limits.idle_timeout = Duration::from_millis(20))
        .load()
        .await;
    text(&host, "/unruly/x").await;
    assert_eq!(host.stats().live_instances, 1);
    while host.stats().live_instances > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_a_free_instance_a_request_waits_and_then_gets_503() {
    let host = unruly()
        .limits(|limits| {
            limits.max_instances = 1;
            limits.max_concurrent_reuse = 1;
            limits.queue_timeout = Duration::from_millis(50);
        })
        .load()
        .await;
    let (served, refused) = tokio::join!(get(&host, "/unruly/wait"), get(&host, "/hello"));
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
}
