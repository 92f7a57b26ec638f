use super::*;

fn parse(line: &str) -> Result<Args, String> {
    let args = Args::try_parse_from(["loadtest"].into_iter().chain(line.split_whitespace()));
    let args = args.map_err(|error| error.to_string())?;
    args.check().map(|()| args)
}

fn each_command(see: &mut dyn FnMut(&clap::Command)) {
    let mut command = Args::command();
    command.build();
    see(&command);
    command.get_subcommands().filter(|command| command.get_name() != "help").for_each(see);
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn documents_its_flags() {
    echo_docs::check("loadtest.md", Args::command());
}

#[test]
fn every_flag_has_the_variable_of_its_name() {
    let mut seen = 0;
    each_command(&mut |command| {
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            if ["help", "version"].contains(&long) || arg.is_hide_set() {
                continue;
            }
            let variable = format!("ECHO_LOADTEST_{}", long.replace('-', "_").to_uppercase());
            let given = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            assert_eq!(given, Some(variable), "{} --{long}", command.get_name());
            seen += 1;
        }
    });
    assert!(seen > 80, "{seen}");
}

#[test]
fn every_flag_is_explained() {
    each_command(&mut |command| {
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
        }
        assert!(command.get_about().is_some(), "{}", command.get_name());
    });
}

#[test]
fn without_a_command_the_flags_are_those_of_run() {
    let args = parse("--connections 7 --json out.json --log-level debug --quiet").unwrap();
    assert!(args.command.is_none() && args.quiet);
    assert_eq!((args.run.load.connections, args.log_level), (7, LevelFilter::Debug));
    let args = parse("run --connections 7 --log_level debug --quiet 127.0.0.1:7").unwrap();
    assert_eq!((args.quiet, args.log_level), (true, LevelFilter::Debug));
    let Some(Command::Run(run)) = args.command else { panic!("no run") };
    assert_eq!((run.run.load.connections, run.target.map(|target| target.port)), (7, Some(7)));
}

#[test]
fn the_lines_of_the_readme_are_understood() {
    for line in [
        "",
        "run 127.0.0.1:9000 --connections 50 --duration 10s",
        "run [::1]:9000 --rate 50k --arrival poisson --slo p99<2ms --slo errors<0.1%,rate>=0.99",
        "run 127.0.0.1:9000 --rate 5k --flood 4 --slo p99<5ms",
        "capacity 127.0.0.1:9000 --slo p99<1ms --html capacity.html",
        "compare --a server --b other --fail-if p99>1.05 --pin-server 0 --pin-client 1",
        "merge a.json b.json c.json",
        "report run.json --html run.html",
        "completions bash",
        "man target/man",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_named() {
    for (line, named) in [
        ("runn", "unrecognized subcommand 'runn'"),
        ("--connections 5 run", "--connections"),
        ("run nohost:", "the port \"\" is not from 1 to 65535"),
        ("run --connections 0", "--connections"),
        ("run --rate 0", "--rate"),
        ("run --size 0", "--size"),
        ("run --flood-size 1..2", "--flood-size"),
        ("run --flood-depth 0", "--flood-depth"),
        ("run --timeout 0", "--timeout"),
        ("run --report-interval 0", "--report-interval"),
        ("run --source-ip nowhere", "--source-ip"),
        ("run --start-at noon", "--start-at"),
        ("run --depth 2 --send-burst 3", "--send-burst"),
        ("run --json - --hdr -", "--samples go to -"),
        ("--json out --html out", "--samples go to out"),
        ("--json out --samples out", "--samples go to out"),
        ("--samples -", "--samples"),
        ("capacity --slo p99<1ms --html - --json -", "--samples go to -"),
        ("compare --a x --b y --html out", "there is no page of a comparison"),
        ("merge one.json", "2"),
        ("merge a b --json - --html -", "--samples go to -"),
        ("report run.json", "--html"),
        ("capacity 127.0.0.1:7", "--slo 'p99<1ms'"),
        ("capacity --slo p99<1ms --count 5", "--count"),
        ("capacity --slo p99<1ms --rate 5k --max-rate 1k", "--max-rate"),
        ("compare --a x", "--b"),
        ("compare --a x --b y --agent-count 2 --agent-index 0", "--agent-count"),
        ("compare --a x --b y --rounds 1", "--rounds"),
        ("completions tcsh", "tcsh"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.contains(named), "{line}: {error}");
    }
}

#[test]
fn standard_output_is_taken_by_a_dash_only() {
    let taken = |line: &str| {
        let Some(Command::Merge(merge)) = parse(line).unwrap().command else { panic!("{line}") };
        merge.output.standard_output(None) == StandardOutput::Document
    };
    assert!(taken("merge a b --json -") && taken("merge a b --html -"));
    assert!(!taken("merge a b") && !taken("merge a b --json out.json"));
}
