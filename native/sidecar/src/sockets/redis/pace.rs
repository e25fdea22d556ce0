//! How many messages each person has sent of late, on all nodes together.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{ErrorKind, RedisError, RedisResult, pipe};
use nexus_domain::ids::UserId;
use nexus_domain::settings::Rate;
use uuid::Uuid;

/// A window that slides, exact to the message: 0 when counted, else the milliseconds to wait. What was counted, and
/// whose answer got lost, is asked about again under the same name and isn't counted twice.
const COUNT: &str = r"
if redis.call('ZSCORE', KEYS[1], ARGV[3]) then
  return 0
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local per = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - per)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, tonumber(first[2]) + per - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], per)
return 0
";

/// Counts a message of each of these people, each with a name of its own, or says how long they must wait.
pub async fn count(
    connection: Option<MultiplexedConnection>,
    rate: Rate,
    messages: &[(UserId, Uuid)],
) -> RedisResult<Vec<Result<(), Duration>>> {
    let Some(mut connection) = connection else {
        return Err(RedisError::from((ErrorKind::Io, "Redis is away")));
    };
    let mut pipeline = pipe();
    let per = u64::try_from(rate.per.as_millis()).unwrap_or(u64::MAX);
    for (user, name) in messages {
        pipeline
            .cmd("EVAL")
            .arg(COUNT)
            .arg(1)
            .arg(format!("nexus:rate:{user}"))
            .arg(per)
            .arg(rate.count)
            .arg(name.to_string());
    }
    let waits: Vec<i64> = pipeline.query_async(&mut connection).await?;
    let verdict = |wait| match u64::try_from(wait) {
        Ok(0) | Err(_) => Ok(()),
        Ok(wait) => Err(Duration::from_millis(wait)),
    };
    Ok(waits.into_iter().map(verdict).collect())
}
