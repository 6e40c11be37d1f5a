//! What failed comes again soon, and often enough to outlast an outage.

use serde_json::Value;

use crate::policy::{FUNCTION, all_statements};
use crate::template::{list, references, resources};

/// Tries of which the first and the last lie more than two hours apart, as `functions/detect/src/again.rs` spaces them.
const TRIES_MIN: u64 = 9;

/// A function that reads a FIFO queue, where one message holds up those behind it, may say when it comes again.
pub fn redelivery(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, function) in resources(template, FUNCTION) {
        let properties = &function["Properties"];
        let role = references(&properties["Role"]);
        for (_, source) in properties["Events"].as_object().into_iter().flatten() {
            for queue in references(&source["Properties"]["Queue"]) {
                let queue_properties = &template["Resources"][&queue]["Properties"];
                if queue_properties["FifoQueue"] != true {
                    continue;
                }
                let variables = &properties["Environment"]["Variables"];
                if references(&variables["KEYTRAIL_TALLY_QUEUE_URL"]) != [queue.as_str()] {
                    wrong(format!("{name} does not know the queue {queue}"));
                }
                let may_show = all_statements(template).iter().any(|(of, _, statement)| {
                    role.iter().any(|role| role == of)
                        && references(&statement["Resource"]) == [queue.as_str()]
                        && list(&statement["Action"])
                            .iter()
                            .any(|action| *action == "sqs:ChangeMessageVisibility")
                });
                if !may_show {
                    wrong(format!(
                        "{name} may not have messages of {queue} shown again"
                    ));
                }
                let tries = queue_properties["RedrivePolicy"]["maxReceiveCount"].as_u64();
                if tries.is_none_or(|tries| tries < TRIES_MIN) {
                    wrong(format!(
                        "{queue} gives up before an outage of two hours is over"
                    ));
                }
            }
        }
    }
}
