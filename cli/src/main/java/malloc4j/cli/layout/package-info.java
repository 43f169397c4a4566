/// `malloc4j layout`: the memory of a process, drawn.
@NullMarked
package malloc4j.cli.layout;

import org.jspecify.annotations.NullMarked;
