//! The roles of the applications: interfaces that follow their customers, functions, hourly and nightly jobs.

use crate::random::Random;

use super::habit::{Habit, Resource};
use super::keys::{APPLICATIONS, ApplicationKeys, Keys};
use super::places::{Tool, internet, private};
use super::principal::{Class, Principal, below, named, role};
use super::rhythm::Rhythm;

/// What applications are written with.
const TOOLS: [Tool; 9] = [
    Tool::Java,
    Tool::Java,
    Tool::JavaOne,
    Tool::Boto,
    Tool::Go,
    Tool::GoOne,
    Tool::Script,
    Tool::DotNet,
    Tool::Rust,
];

/// Adds the roles of all applications.
pub(crate) fn add(seed: u64, keys: &Keys, out: &mut Vec<Principal>) {
    for (team, name) in APPLICATIONS.iter().enumerate() {
        let mut application = Application::new(seed, keys, team, name);
        out.push(application.interface());
        out.push(application.worker());
        if team % 3 != 2 {
            out.push(application.function());
        }
        if team % 3 != 0 {
            out.push(application.nightly());
        }
        if team % 6 == 1 {
            out.push(application.closing());
        }
    }
}

/// One more role of an application: a worker of another name.
pub(crate) fn another(seed: u64, keys: &Keys, team: usize, name: &str) -> Principal {
    let application = APPLICATIONS.get(team).copied().unwrap_or("orders");
    let mut application = Application::new(seed, keys, team, application);
    application.random = Random::stream(seed, &format!("another {team} {name}"));
    application.working(name)
}

struct Application<'a> {
    seed: u64,
    team: usize,
    name: &'a str,
    keys: ApplicationKeys,
    shared_secrets: usize,
    network: i64,
    random: Random,
}

impl<'a> Application<'a> {
    fn new(seed: u64, keys: &Keys, team: usize, name: &'a str) -> Self {
        Self {
            seed,
            team,
            name,
            keys: keys.of(team),
            shared_secrets: keys.shared_secrets,
            network: 20 + team as i64,
            random: Random::stream(seed, &format!("application {name}")),
        }
    }

    fn records(&mut self) -> Resource {
        match self.team % 3 {
            0 => Resource::Table(self.name.to_owned()),
            1 => {
                let tenant = self.random.pick(&["eu-1", "eu-2", "us-1"], "eu-1");
                Resource::Own(vec![
                    ("service", self.name.to_owned()),
                    ("tenant", tenant.to_owned()),
                ])
            }
            _ => Resource::Own(vec![("service", self.name.to_owned())]),
        }
    }

    fn bucket(&self, suffix: &str) -> Resource {
        Resource::Bucket(format!("example-{}{suffix}", self.name))
    }

    fn secret(&self, what: &str) -> Resource {
        let letters = Random::stream(self.seed, &format!("{} {what}", self.name)).alphanumeric(6);
        Resource::Secret(format!("{}/{what}-{letters}", self.name))
    }

    fn tool(&mut self) -> (Tool, i64) {
        (
            self.random.pick(&TOOLS, Tool::Java),
            self.random.between(0, 6),
        )
    }

    fn principal(&mut self, class: Class, rhythm: Rhythm, volume: f64) -> Principal {
        Principal {
            class,
            actors: Vec::new(),
            rhythm,
            volume: volume * self.random.lognormal(0.8),
            unrest: 0.15 + 0.25 * self.random.unit(),
            habits: Vec::new(),
            curiosity: 0.0,
            reach: Vec::new(),
            refused: if self.random.chance(0.1) { 0.003 } else { 0.0 },
            team: self.team,
            since: None,
            until: None,
        }
    }

    /// Serves customers; scales out with them.
    fn interface(&mut self) -> Principal {
        let zone = self.random.pick(&[1, 1, 1, -5, 8], 1);
        let weekend = 0.5 + self.random.unit() * 0.8;
        let rhythm = Rhythm::Curve { zone, weekend };
        let instances = self.random.between(2, 10) as usize;
        let tool = self.tool();
        let addresses = private(self.network, &mut self.random, instances);
        let name = format!("{}-api-task", self.name);
        let records = self.records();
        let mut principal = self.principal(Class::Service, rhythm, 190.0);
        principal.actors = role(self.seed, &name, 6, tool, &addresses, &mut self.random);
        principal.habits = vec![
            Habit::through(self.keys.records, "Decrypt", records.clone(), 1.0),
            Habit::through(self.keys.data, "Decrypt", self.bucket(""), 0.5),
            Habit::through(self.keys.data, "GenerateDataKey", self.bucket(""), 0.3),
            Habit::through(self.keys.secrets, "Decrypt", self.secret("database"), 0.08),
        ];
        if matches!(records, Resource::Own(_)) {
            let encrypt = Habit::direct(self.keys.records, "GenerateDataKey", records, 0.4);
            principal.habits.push(encrypt);
        }
        principal
    }

    /// Works off queues, around the clock or by the hour.
    fn worker(&mut self) -> Principal {
        self.working("worker")
    }

    fn working(&mut self, title: &str) -> Principal {
        let rhythm = if self.team.is_multiple_of(2) {
            Rhythm::Hourly {
                minute: self.random.between(0, 50),
            }
        } else {
            Rhythm::Steady
        };
        let tool = self.tool();
        let addresses = private(self.network, &mut self.random, 2);
        let name = format!("{}-{title}", self.name);
        let records = self.records();
        let mut principal = self.principal(Class::Service, rhythm, 75.0);
        principal.actors = role(self.seed, &name, 12, tool, &addresses, &mut self.random);
        principal.habits = vec![
            Habit::through(self.keys.records, "Decrypt", records, 0.6),
            Habit::through(
                self.keys.data,
                "GenerateDataKey",
                self.bucket("-outbox"),
                0.5,
            ),
            Habit::through(self.keys.secrets, "Decrypt", self.secret("queue"), 0.1),
        ];
        if self.random.chance(0.3) {
            let parameters = Resource::Parameters(format!("/{}", self.name));
            let read = Habit::through(self.shared_secrets, "Decrypt", parameters, 0.1);
            principal.habits.push(read);
        }
        principal
    }

    /// A Lambda function: AWS's public addresses, its own name for every session.
    fn function(&mut self) -> Principal {
        let rhythm = Rhythm::Curve {
            zone: 1,
            weekend: 0.7,
        };
        let tool = self
            .random
            .pick(&[Tool::Boto, Tool::Script, Tool::ScriptTwo], Tool::Boto);
        let release = self.random.between(0, 6);
        let addresses = internet(&mut self.random, 6);
        let name = format!("{}-notify", self.name);
        let mut principal = self.principal(Class::Service, rhythm, 45.0);
        let actors = role(
            self.seed,
            &name,
            6,
            (tool, release),
            &addresses,
            &mut self.random,
        );
        principal.actors = below(named(actors, &name), "/service-role/");
        let function = Resource::Function(name);
        principal.habits = vec![
            Habit::direct(self.keys.secrets, "Decrypt", function, 0.4),
            Habit::through(self.keys.data, "Decrypt", self.bucket(""), 0.6),
        ];
        principal
    }

    fn nightly(&mut self) -> Principal {
        let rhythm = Rhythm::Nightly {
            hour: self.random.between(0, 5),
            minutes: self.random.between(10, 80),
            sunday: self.random.pick(&[1.0, 1.0, 3.0, 0.2], 1.0),
        };
        let tool = self.tool();
        let addresses = private(self.network, &mut self.random, 1);
        let name = format!("{}-nightly", self.name);
        let mut principal = self.principal(Class::Batch, rhythm, 90.0);
        principal.actors = role(self.seed, &name, 12, tool, &addresses, &mut self.random);
        principal.habits = vec![
            Habit::through(self.keys.data, "Decrypt", self.bucket(""), 1.0),
            Habit::through(
                self.keys.data,
                "GenerateDataKey",
                self.bucket("-export"),
                0.4,
            ),
            Habit::through(self.keys.secrets, "Decrypt", self.secret("database"), 0.02),
        ];
        principal
    }

    /// Closes the books at the end of a month.
    fn closing(&mut self) -> Principal {
        let rhythm = Rhythm::MonthEnd {
            hour: self.random.between(0, 4),
        };
        let tool = self.tool();
        let addresses = private(self.network, &mut self.random, 1);
        let name = format!("{}-closing", self.name);
        let records = self.records();
        let mut principal = self.principal(Class::Batch, rhythm, 220.0);
        principal.actors = role(self.seed, &name, 12, tool, &addresses, &mut self.random);
        principal.habits = vec![
            Habit::through(self.keys.data, "Decrypt", self.bucket(""), 1.0),
            Habit::through(self.keys.records, "Decrypt", records, 0.6),
        ];
        principal
    }
}
