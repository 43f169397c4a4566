/// Meters of malloc4j heaps for Micrometer: [malloc4j.micrometer.HeapMetrics].
///
/// Micrometer is the program's: a module that binds meters requires `micrometer.core` itself.
module malloc4j.micrometer {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires static micrometer.core;
    requires transitive malloc4j;

    exports malloc4j.micrometer;

    provides malloc4j.observe.Probe with
            malloc4j.micrometer.MeterProbe;
}
