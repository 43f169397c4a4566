/// What `malloc4j` loads into a running JVM, which it may not disturb: `java.base` and `java.instrument` only, nothing
/// printed, nothing thrown, and no reference to any class of the heap but by name, as the process may have it from any
/// class loader, or from several.
@NullMarked
package malloc4j.cli.attach.agent;

import org.jspecify.annotations.NullMarked;
