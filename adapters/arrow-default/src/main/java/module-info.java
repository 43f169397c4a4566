/// Makes malloc4j's common heap Arrow's default. Cannot be beside Arrow's own `org.apache.arrow.memory.unsafe`, whose
/// package it has.
module malloc4j.arrow.standard {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires transitive malloc4j.arrow;

    exports org.apache.arrow.memory.unsafe;
}
