/// The way into a running JVM, for the commands that ask one: what speaks against it, the attaching, the conversation
/// with the agent.
///
/// ```
///   JvmProcess       may it be attached to? says why not, before it gets a signal
///   Meeting          a folder that both processes see: the agent's jar, and a socket at which to meet
///   AttachedJvm      attaches, loads the agent, asks it
///   ProfileAgent     what is asked, and the answers, as types
/// ```
@NullMarked
package malloc4j.cli.attach;

import org.jspecify.annotations.NullMarked;
