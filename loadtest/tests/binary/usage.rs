use crate::{loadtest, run};

#[test]
fn nonsense_is_a_usage_error_that_names_the_flag() {
    for (args, named) in [
        (&["run", "--connections", "none"][..], "--connections"),
        (&["--duration", "1s", "--count", "5"], "--duration cannot be used with --count"),
        (&["capacity", "127.0.0.1:9"], "--slo"),
        (&["merge", "one.json"], "2 values required"),
        (&["runn"], "unrecognized subcommand 'runn'"),
        (&["--no-such-flag"], "--no-such-flag"),
    ] {
        let (code, stdout, stderr) = run(loadtest().args(args));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(named), "{args:?}: {stderr}");
    }
}

#[test]
fn a_contradiction_shows_the_usage_of_its_command() {
    let contradiction = ["--duration", "1s", "--count", "5"];
    for (command, usage) in [
        (&[][..], "Usage: loadtest [OPTIONS]"),
        (&["run"], "Usage: loadtest run [OPTIONS] [TARGET]"),
        (&["capacity", "--slo", "p99<1ms"], "Usage: loadtest capacity [OPTIONS] [TARGET]"),
    ] {
        let (code, _, stderr) = run(loadtest().args(command).args(contradiction));
        assert_eq!(code, Some(2));
        assert!(stderr.contains(&format!("\n{usage}\n")), "{command:?}: {stderr}");
    }
}

#[test]
fn a_variable_is_as_good_as_its_flag() {
    for (name, value, flag) in [
        ("ECHO_LOADTEST_RATE", "0", "--rate"),
        ("ECHO_LOADTEST_LOG_LEVEL", "loud", "--log_level"),
        ("ECHO_LOADTEST_AGENT_COUNT", "3", "--agent-index"),
        ("ECHO_LOADTEST_TARGET", "::1", "needs brackets: [::1]:9000"),
    ] {
        for command in [&["run"][..], &[]] {
            let (code, _, stderr) = run(loadtest().args(command).env(name, value));
            assert_eq!(code, Some(2), "{name}: {stderr}");
            assert!(stderr.contains(flag), "{name}: {stderr}");
        }
    }
    let both = run(loadtest()
        .env("ECHO_LOADTEST_CHURN", "true")
        .env("ECHO_LOADTEST_MESSAGES_PER_CONNECTION", "2"));
    assert_eq!(both.0, Some(2), "{}", both.2);
}

#[test]
fn the_index_of_a_job_is_looked_at_where_the_load_is_shared() {
    let (code, _, stderr) =
        run(loadtest().args(["run", "--agent-count", "3"]).env("JOB_COMPLETION_INDEX", "3"));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--agent-index must be from 0 to 2"), "{stderr}");
}

#[test]
fn help_tells_the_exit_codes_of_what_can_have_them() {
    for command in [&["--help"][..], &["run", "--help"], &["capacity", "--help"], &["merge", "-h"]]
    {
        let (code, help, _) = run(loadtest().args(command));
        assert_eq!(code, Some(0));
        for exit in ["\n  0 ", "\n  1 ", "\n  2 ", "\n  3 ", "\n  99 ", "\n  130 "] {
            assert!(help.contains(exit), "{command:?} {exit}: {help}");
        }
    }
}

#[test]
fn the_version_is_told() {
    let version = concat!("loadtest ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
    assert_eq!(run(loadtest().arg("--version")), (Some(0), version, String::new()));
}
