//! What people did about findings is noted by a function that can do that, and through which nobody can do more.

use serde_json::Value;

use crate::policy::{FUNCTION, all_statements};
use crate::template::{list, references, resources};

/// Every function that alerts names the same function to note findings by: it may change items of the state, and hands
/// nothing in that accounts are judged by.
pub fn notes(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, function) in resources(template, FUNCTION) {
        let variables = &function["Properties"]["Environment"]["Variables"];
        if variables["KEYTRAIL_ALERT_TOPIC_ARN"].is_null() {
            continue;
        }
        let told = &variables["KEYTRAIL_TRIAGE_FUNCTION"];
        let target = resources(template, FUNCTION)
            .find(|(_, target)| target["Properties"]["FunctionName"] == *told);
        let Some((target, function)) = target else {
            wrong(format!(
                "alerts of {name} name no function that takes notes"
            ));
            continue;
        };
        let properties = &function["Properties"];
        if !properties["Events"].is_null() {
            wrong(format!("whoever may note by {target} may hand records in"));
        }
        let role = references(&properties["Role"]);
        let may_note = all_statements(template).iter().any(|(of, _, statement)| {
            role.iter().any(|role| role == of)
                && list(&statement["Action"])
                    .iter()
                    .any(|action| *action == "dynamodb:UpdateItem")
                && references(&statement["Resource"]) == ["StateTable"]
        });
        if !may_note {
            wrong(format!(
                "{target} may not note what alerts of {name} ask for"
            ));
        }
    }
}
