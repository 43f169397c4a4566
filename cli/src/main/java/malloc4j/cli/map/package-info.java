/// `malloc4j map`: a map of a process's addresses.
@NullMarked
package malloc4j.cli.map;

import org.jspecify.annotations.NullMarked;
