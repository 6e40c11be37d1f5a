//! A stack on this machine: the template as it stands, with the functions as they are built.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use keytrail_aws::Connection;
use keytrail_aws::store::AwsStore;
use serde_json::{Value, json};

use crate::local::{Endpoint, Faults};
use crate::template;

pub const ACCOUNT: &str = "111122223333";
const FUNCTIONS: [&str; 3] = ["ingest", "detect", "sweep"];
/// How long a step may take. Debug builds on a busy machine start slowly.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stack {
    endpoint: Endpoint,
    pub connection: Connection,
    pub name: String,
    /// The trail's bucket.
    pub trail: String,
}

impl Stack {
    /// Deploys; `None`, with a word about it, where that cannot be.
    pub async fn deploy(name: &str) -> Option<Self> {
        let endpoint = Endpoint::from_environment()?;
        let bootstraps = bootstraps()?;
        let connection = endpoint.connection(Faults::None);
        let name = format!("{name}-{}", std::process::id());
        let trail = format!("{name}-trail");
        upload(&connection, &name, &bootstraps).await;
        deploy(&endpoint, &connection, &name, &trail).await;
        Some(Self {
            endpoint,
            connection,
            name,
            trail,
        })
    }

    pub fn store(&self) -> AwsStore {
        let name = &self.name;
        let bucket = format!("{name}-state-{ACCOUNT}-us-east-1");
        AwsStore::new(&self.connection, &bucket, &format!("{name}-state"), "")
    }

    /// Starts the sweep, as the schedule does, and returns its answer.
    pub fn sweep(&self) -> Value {
        self.ask_sweep("{}")
    }

    /// Asks the same function for something, as people do.
    pub fn ask_sweep(&self, payload: &str) -> Value {
        invoke(&self.endpoint, &format!("{}-sweep", self.name), payload)
    }

    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.endpoint.address())
    }

    pub fn queue_url(&self, queue: &str) -> String {
        format!(
            "http://{}/{ACCOUNT}/{}-{queue}",
            self.endpoint.address(),
            self.name
        )
    }

    /// Messages of a queue that wait or are being worked on.
    pub async fn messages(&self, queue: &str) -> u64 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let request = self.connection.sqs().get_queue_attributes();
        let request = request
            .queue_url(self.queue_url(queue))
            .set_attribute_names(Some(names.into()));
        let answer = request.send().await.unwrap();
        let counts = answer.attributes().unwrap().values();
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    }

    pub fn delete(&self) {
        let form = format!("Action=DeleteStack&StackName={}", self.name);
        call(&self.endpoint, "cloudformation", "/", &form);
    }
}

/// The functions as cargo built them beside this test.
fn bootstraps() -> Option<Vec<(&'static str, PathBuf)>> {
    let here = std::env::current_exe().unwrap();
    let folder = here.parent().and_then(Path::parent).unwrap();
    let found: Vec<_> = FUNCTIONS.map(|name| (name, folder.join(name))).into();
    if found.iter().all(|(_, path)| path.is_file()) {
        return Some(found);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the functions are not built"
    );
    eprintln!("skipped: the functions are not built (cargo test --workspace does that)");
    None
}

async fn upload(connection: &Connection, stack: &str, bootstraps: &[(&str, PathBuf)]) {
    let bucket = format!("{stack}-code");
    let s3 = connection.s3();
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    for (name, path) in bootstraps {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .unix_permissions(0o755);
        writer.start_file("bootstrap", options).unwrap();
        writer.write_all(&std::fs::read(path).unwrap()).unwrap();
        let zip = writer.finish().unwrap().into_inner();
        let put = s3.put_object().bucket(&bucket).key(format!("{name}.zip"));
        put.body(zip.into()).send().await.unwrap();
    }
}

/// Deploys the template, packaged as `sam deploy` would do.
async fn deploy(endpoint: &Endpoint, connection: &Connection, stack: &str, trail: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let mut template = template::parse(&std::fs::read_to_string(path).unwrap());
    let resources = template["Resources"].as_object_mut().unwrap();
    for resource in resources.values_mut() {
        if resource["Type"] == "AWS::Serverless::Function" {
            let properties = &mut resource["Properties"];
            let zip = properties["CodeUri"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap();
            properties["CodeUri"] = json!(format!("s3://{stack}-code/{zip}"));
            // The services here take the parameter for a text, and compare it with a number.
            if let Some(deliveries) = properties.pointer_mut("/Events/Deliveries/Properties") {
                deliveries.as_object_mut().unwrap().remove("ScalingConfig");
            }
        }
    }
    // Written out, it may be more than a request carries.
    let put = connection.s3().put_object().bucket(format!("{stack}-code"));
    let put = put
        .key("template.json")
        .body(template.to_string().into_bytes().into());
    put.send().await.unwrap();
    let url = format!("http://{}/{stack}-code/template.json", endpoint.address());
    let parameter = |number: u32, name: &str, value: &str| {
        format!(
            "&Parameters.member.{number}.ParameterKey={name}&Parameters.member.{number}.ParameterValue={value}"
        )
    };
    let form = format!(
        "Action=CreateStack&StackName={stack}&Capabilities.member.1=CAPABILITY_IAM&Capabilities.member.2=CAPABILITY_AUTO_EXPAND{}{}&TemplateURL={}",
        parameter(1, "TrailBucketName", trail),
        parameter(2, "CreateTrailBucket", "true"),
        percent_encoding::utf8_percent_encode(&url, percent_encoding::NON_ALPHANUMERIC)
    );
    let answer = call(endpoint, "cloudformation", "/", &form);
    assert!(answer.contains("StackId"), "{answer}");
    let from = Instant::now();
    loop {
        let form = format!("Action=DescribeStacks&StackName={stack}");
        let answer = call(endpoint, "cloudformation", "/", &form);
        if answer.contains("CREATE_COMPLETE") {
            return;
        }
        assert!(
            !answer.contains("ROLLBACK") && !answer.contains("FAILED"),
            "{answer}"
        );
        assert!(from.elapsed() < PATIENCE, "{answer}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Starts a function and returns its answer.
fn invoke(endpoint: &Endpoint, function: &str, payload: &str) -> Value {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let answer = call(endpoint, "lambda", &path, payload);
    let json = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let (from, to) = (json.find('{').unwrap(), json.rfind('}').unwrap());
    serde_json::from_str(&json[from..=to]).unwrap()
}

pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let from = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(from.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One call to a service that this test has no client for.
fn call(endpoint: &Endpoint, service: &str, path: &str, body: &str) -> String {
    let address = endpoint.address();
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/20240131/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
