/// Events of malloc4j heaps for JDK Flight Recorder: there is nothing to call. A program that has this module has them.
///
/// On the module path it must be resolved: as a provider of a service that `malloc4j` uses, it is.
module malloc4j.jfr {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires jdk.jfr;
    requires malloc4j;

    provides malloc4j.observe.Probe with
            malloc4j.jfr.JfrProbe;
}
