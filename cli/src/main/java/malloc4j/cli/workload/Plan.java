package malloc4j.cli.workload;

/// What this JVM was started for, in constants.
final class Plan {
    static final WorkloadSettings SETTINGS = WorkloadSettings.fromProperties();
    static final Workload WORKLOAD = Workloads.of(SETTINGS.workload(), SETTINGS.threads());
    static final boolean VERIFY = SETTINGS.verify() && !WORKLOAD.checksItself();

    private Plan() {}
}
