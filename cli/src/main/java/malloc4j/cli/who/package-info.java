/// `malloc4j who`: what holds a process's memory.
@NullMarked
package malloc4j.cli.who;

import org.jspecify.annotations.NullMarked;
