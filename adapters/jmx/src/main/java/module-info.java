/// An MXBean for each malloc4j heap: there is nothing to call. A program that has this module has them.
///
/// On the module path it must be resolved: as a provider of a service that `malloc4j` uses, it is.
module malloc4j.jmx {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires transitive java.management;
    requires transitive malloc4j;

    exports malloc4j.jmx;

    provides malloc4j.observe.Probe with
            malloc4j.jmx.JmxProbe;
}
