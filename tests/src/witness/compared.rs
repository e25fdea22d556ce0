//! What witnesses saw against what is stored.

use std::collections::HashMap;

use super::Witness;

/// One message as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub seq: i64,
    pub id: String,
    pub temp_id: Option<String>,
    pub content: String,
}

/// What is wrong with a chat once everything has settled: the store against what witnesses saw. `edited` messages may
/// have another content than was acknowledged.
pub fn compare(
    name: &str,
    stored: &[Stored],
    witnesses: &[&Witness],
    was_edited: impl Fn(&Stored) -> bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut by_temp_id: HashMap<&str, u32> = HashMap::new();
    for (index, message) in stored.iter().enumerate() {
        if message.seq != i64::try_from(index).unwrap_or(0) + 1 {
            wrong.push(format!("{name}: seq {} stands at place {}", message.seq, index + 1));
        }
        if let Some(temp_id) = &message.temp_id {
            *by_temp_id.entry(temp_id).or_default() += 1;
        }
    }
    wrong.extend(
        by_temp_id
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(temp_id, times)| format!("{name}: {temp_id} is stored {times} times")),
    );
    for witness in witnesses {
        let who = &witness.name;
        let seen = witness.seen();
        wrong.extend(seen.complaints.iter().map(|complaint| format!("{who}: {complaint}")));
        for (temp_id, sent) in seen.acknowledged.iter().filter(|(_, sent)| sent.chat == name) {
            let found = usize::try_from(sent.seq - 1).ok().and_then(|at| stored.get(at));
            let is_it = found.is_some_and(|found| {
                found.id == sent.message_id && (found.content == sent.content || was_edited(found))
            });
            if !is_it {
                wrong.push(format!(
                    "{who}: {temp_id} was acknowledged as {sent:?}, stored is {found:?}"
                ));
            }
        }
        let Some(chat) = seen.chats.get(name) else {
            wrong.push(format!("{who} was never told of {name}"));
            continue;
        };
        for message in stored.iter().filter(|message| message.seq > chat.from) {
            let skipped = chat.gaps.iter().any(|(from, to)| (*from..=*to).contains(&message.seq));
            let shown = chat.messages.get(&message.seq);
            let right = shown.is_some_and(|shown| (&shown.0, &shown.1) == (&message.id, &message.content));
            if !right && !skipped {
                wrong.push(format!("{who}: {message:?} is shown as {shown:?}"));
            }
        }
    }
    wrong
}
