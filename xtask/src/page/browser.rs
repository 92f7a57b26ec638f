//! Headless Chromium, controlled with its DevTools protocol over a pair of pipes.
//!
//! <https://chromedevtools.github.io/devtools-protocol/>

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::looks::{Look, Seen};

/// How long to wait for each answer of the browser.
const DEADLINE: Duration = Duration::from_secs(60);

/// Starts the browser, which reads commands from descriptor 3 and answers on 4. Every host name fails
/// to resolve, so that a page cannot load anything from the network.
const START: &str = r#"exec chromium --headless=new --remote-debugging-pipe --no-sandbox \
    --user-data-dir="$0" --no-first-run --disable-gpu --disable-dev-shm-usage \
    --disable-background-networking --disable-component-update --force-color-profile=srgb \
    --host-resolver-rules='MAP * ~NOTFOUND' 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// The script that examines a loaded page.
const LOOK: &str = include_str!("look.js");

/// A browser with one tab. It is killed when dropped.
pub(super) struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    pub(super) fn start() -> Self {
        let profile = TempDir::new().expect("a folder for the browser's profile is created");
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let commands = child.stdin.take().expect("stdin is piped");
        let messages = read_messages(child.stdout.take().expect("stdout is piped"));
        let mut browser = Self {
            child,
            commands,
            messages,
            last_id: 0,
            session: None,
            events: vec![],
            _profile: profile,
        };
        browser.open_tab();
        browser
    }

    fn open_tab(&mut self) {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let params = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", &params);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Loads `page` in this look and writes a screenshot to `picture`, with the extension of its format.
    /// Returns what the page shows.
    pub(super) fn look(&mut self, page: &Path, look: Look, picture: &Path) -> Seen {
        self.call("Emulation.setDeviceMetricsOverride", &look.screen());
        self.call("Emulation.setEmulatedMedia", &look.media());
        self.events.clear();
        let url = format!("file://{}", page.display());
        self.call("Page.navigate", &json!({ "url": url }));
        self.wait_for("Page.loadEventFired");
        let params = json!({ "expression": LOOK, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", &params);
        assert!(answer.get("exceptionDetails").is_none(), "look.js failed: {answer}");
        self.take_picture(look, picture);
        Seen::new(&answer["result"]["value"], &self.events, &url)
    }

    fn take_picture(&mut self, look: Look, picture: &Path) {
        let all = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.call("Page.captureScreenshot", &all);
        write_data(&shot, &picture.with_extension("png"));
        if look == Look::Paper {
            let sheets = json!({ "printBackground": false, "preferCSSPageSize": true });
            let sheets = self.call("Page.printToPDF", &sheets);
            let written = write_data(&sheets, &picture.with_extension("pdf"));
            assert!(written.starts_with(b"%PDF-"), "no PDF was printed");
        }
    }

    /// Sends a command and returns the answer. Events that arrive first are stored.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).expect("the browser takes commands");
        loop {
            let message = self.next(method);
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn wait_for(&mut self, event: &str) {
        while !self.events.iter().any(|seen| seen["method"] == event) {
            let message = self.next(event);
            self.events.push(message);
        }
    }

    fn next(&self, awaited: &str) -> Value {
        self.messages
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|error| panic!("waiting for {awaited} from the browser: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages, each of which ends with a zero byte, on a thread of its own.
fn read_messages(answers: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut answers = BufReader::new(answers);
        let mut bytes = vec![];
        while answers.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
            let message = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes));
            bytes.clear();
            let Ok(message) = message else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

fn write_data(answer: &Value, file: &Path) -> Vec<u8> {
    let text = answer["data"].as_str().expect("the answer contains a file");
    let bytes = BASE64.decode(text).expect("the file is encoded in base64");
    fs::write(file, &bytes).expect("the screenshot is written");
    bytes
}
