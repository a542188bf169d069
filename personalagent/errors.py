"""The errors that callers may want to catch.

PersonalAgentError
├── InvalidUserId      no user id, or one that cannot be one
├── TemplateError      a template file that cannot be used; names file and line
├── NoNewMessage       a run without anything new to answer
├── BackendError       a backend address that cannot be opened
├── ArchiveError       an export that cannot be imported
├── DataError          a data set that is not there, or not in its format
├── ModelError         a file of the embedded model that is missing, or another's
├── JudgeLost          a judge that stayed away in the middle of a training run
├── PolicyError        a policy whose server is out where nothing can be done without it
├── ServingError       a model server that ended, or was not ready in time
├── SettingError       a setting or environment variable with a wrong value; names it
└── UnknownTurn        a turn that the log does not hold
"""


class PersonalAgentError(Exception):
    """Base of all errors that PersonalAgent raises on purpose."""


class InvalidUserId(PersonalAgentError, ValueError):
    """The user is missing, unusable, or not the authenticated caller."""


class TemplateError(PersonalAgentError, ValueError):
    """A template file is wrong; the message starts with ``file:line``."""


class NoNewMessage(PersonalAgentError, ValueError):
    """A run was started without a new user message."""


class BackendError(PersonalAgentError, ValueError):
    """A backend address is unknown or cannot be opened."""


class ArchiveError(PersonalAgentError, ValueError):
    """An exported profile is malformed or belongs to somebody else."""


class DataError(PersonalAgentError, ValueError):
    """A data set is not there or not in its format; the message names the file."""


class ModelError(PersonalAgentError, ValueError):
    """The embedded model's files are missing, or are not the ones that belong together."""


class SettingError(PersonalAgentError, ValueError):
    """A setting has a value that cannot be used; the message names the setting."""


class ServingError(PersonalAgentError, RuntimeError):
    """A model server could not be started, has ended, or was not ready in time."""


class PolicyError(PersonalAgentError, RuntimeError):
    """The policy, or the server behind it, failed in work that makes no sense without it."""


class JudgeLost(PersonalAgentError, RuntimeError):
    """The judge that rewards are asked of was away for too long, or says nothing that can be used."""


class UnknownTurn(PersonalAgentError, LookupError):
    """No turn with this key is in the user's log."""
