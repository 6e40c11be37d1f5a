//! Nothing is lost without a trace: what nobody took is kept, and so is what was configured.

use serde_json::Value;

use crate::alarms::is_watched;
use crate::policy::{FUNCTION, QUEUE, all_statements};
use crate::template::{list, references, resources};

const RULE: &str = "AWS::Events::Rule";

/// Everything by which something could be lost.
pub fn losses(template: &Value, wrong: &mut impl FnMut(String)) {
    rules(template, wrong);
    invocations(template, wrong);
    arrivals(template, wrong);
    configuration(template, wrong);
    backfills(template, wrong);
}

/// The queues that keep what their target did not take, by who sends it there.
pub fn of_arrivals(template: &Value) -> Vec<(&str, String)> {
    let of_rules = resources(template, RULE).flat_map(|(name, rule)| {
        let targets = list(&rule["Properties"]["Targets"]).into_iter();
        let queues = targets.flat_map(|target| references(&target["DeadLetterConfig"]["Arn"]));
        queues.map(move |queue| (name, queue)).collect::<Vec<_>>()
    });
    let of_functions = resources(template, FUNCTION).flat_map(|(name, function)| {
        let queues = references(&function["Properties"]["DeadLetterQueue"]["TargetArn"]);
        queues.into_iter().map(move |queue| (name, queue))
    });
    of_rules.chain(of_functions).collect()
}

/// A rule keeps what its targets do not take, may do so, and an alarm watches it.
fn rules(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, rule) in resources(template, RULE) {
        for target in list(&rule["Properties"]["Targets"]) {
            let queues = references(&target["DeadLetterConfig"]["Arn"]);
            if queues.len() != 1 {
                wrong(format!("{name} has no dead letters"));
            }
            for queue in queues {
                let is_let_in = all_statements(template).into_iter().any(|(_, kind, it)| {
                    kind == "AWS::SQS::QueuePolicy"
                        && it["Principal"]["Service"] == "events.amazonaws.com"
                        && references(&it["Resource"]).contains(&queue)
                        && references(&it["Condition"]["ArnEquals"]["aws:SourceArn"])
                            .iter()
                            .any(|source| source == name)
                });
                if !is_let_in {
                    wrong(format!("{name} may not send its dead letters to {queue}"));
                }
            }
        }
        if !is_watched(template, name, "FailedInvocations") {
            wrong(format!("no alarm watches FailedInvocations of {name}"));
        }
    }
}

/// A function that others may invoke without waiting for its answer keeps what it failed at, and may do so.
fn invocations(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, function) in resources(template, FUNCTION) {
        let properties = &function["Properties"];
        let variables = &properties["Environment"]["Variables"];
        if variables["KEYTRAIL_COUNTING_LANE"].is_null() {
            continue;
        }
        let queues = references(&properties["DeadLetterQueue"]["TargetArn"]);
        if queues.is_empty() {
            wrong(format!("{name} loses what it was invoked with"));
        }
        let role = references(&properties["Role"]);
        for queue in queues {
            let may_send = all_statements(template).into_iter().any(|(of, _, it)| {
                role.iter().any(|role| role == of)
                    && list(&it["Action"])
                        .iter()
                        .any(|it| *it == "sqs:SendMessage")
                    && references(&it["Resource"]).contains(&queue)
            });
            if !may_send {
                wrong(format!("{name} may not send its dead letters to {queue}"));
            }
        }
    }
}

/// What keeps arrivals does not fail with the state's key.
fn arrivals(template: &Value, wrong: &mut impl FnMut(String)) {
    let mut queues: Vec<_> = of_arrivals(template).into_iter().map(|it| it.1).collect();
    queues.sort();
    queues.dedup();
    for name in queues {
        let queue = &template["Resources"][&name];
        let properties = &queue["Properties"];
        if queue["Type"] != QUEUE {
            wrong(format!("dead letters go to {name}, which is no queue"));
        } else if properties["SqsManagedSseEnabled"] != true
            || !properties["KmsMasterKeyId"].is_null()
        {
            wrong(format!("{name} is not encrypted by its service"));
        }
    }
}

/// No rule of a bucket ends versions of the configuration, or of whatever else it does not name.
fn configuration(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, bucket) in resources(template, "AWS::S3::Bucket") {
        for rule in list(&bucket["Properties"]["LifecycleConfiguration"]["Rules"]) {
            let ends = !rule["NoncurrentVersionExpiration"].is_null()
                || !rule["ExpirationInDays"].is_null();
            let prefix = rule["Prefix"].as_str().unwrap_or_default();
            if ends && !prefix.ends_with('/') {
                wrong(format!("{name} ends versions of everything: {rule}"));
            }
        }
    }
}

/// A backfill goes on past a file that cannot be read, and tells which it was.
fn backfills(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, machine) in resources(template, "AWS::StepFunctions::StateMachine") {
        let properties = &machine["Properties"];
        let mut text = properties["DefinitionString"].as_str().unwrap().to_owned();
        let given = properties["DefinitionSubstitutions"].as_object().unwrap();
        for place in given.keys() {
            text = text.replace(&format!("${{{place}}}"), "1");
        }
        if text.contains("${") {
            wrong(format!("{name} leaves a place open"));
        }
        let definition: Value = match serde_json::from_str(&text) {
            Ok(definition) => definition,
            Err(error) => {
                wrong(format!("{name} is no JSON: {error}"));
                continue;
            }
        };
        for map in definition["States"].as_object().unwrap().values() {
            if map["Type"] != "Map" {
                continue;
            }
            let tolerated = map["ToleratedFailurePercentage"].as_u64();
            if tolerated.is_none_or(|percent| percent == 0) {
                wrong(format!("{name} ends with the first file that fails"));
            }
            if map["ResultWriter"]["Parameters"]["Bucket"].is_null() || !map["End"].is_null() {
                wrong(format!("{name} does not tell what failed"));
            }
        }
    }
}
