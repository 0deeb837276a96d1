"""Settings from the environment (`FAIR_HOME`, `FAIR_HOST`, `FAIR_PORT`) and where things lie."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fair_app.errors import BadInput

REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Typed settings. `home` holds database, models and checkpoints; unset, the repository does.

    `users`, `owners`, `curators` (names with commas between them) and `public` say who may do what:
    `fair_app.access.accounts`.

    `backup` is where backups go (a folder, or hf://datasets/OWNER/NAME), every `backup_minutes`;
    empty: none are made. With `backup_mounted` that folder must lie on a mount: one that does not
    is lost with the machine. With `stop_jobs` running jobs stop with the server, as they must where
    its end is the machine's, and with `resume` it goes on with them when it starts.
    """

    model_config = SettingsConfigDict(env_prefix="FAIR_", env_ignore_empty=True, frozen=True)

    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    users: Path | None = None
    owners: str = ""
    curators: str = ""
    public: str = "nobody"
    backup: str = ""
    backup_mounted: bool = False
    backup_minutes: float = Field(default=5.0, gt=0, le=24 * 60)
    stop_jobs: bool = False
    resume: bool = False

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return (self.home or REPOSITORY / "db") / "fair.db"

    @property
    def models(self) -> Path:
        """The folder of models that were made here, such as the offline student."""
        return (self.home or REPOSITORY / "db") / "models"

    @property
    def checkpoints(self) -> Path:
        """The folder of trained adapters, one folder each."""
        return (self.home or REPOSITORY) / "checkpoints"

    @property
    def uploads(self) -> Path:
        """Files of questions that persons gave through the page."""
        return (self.home or REPOSITORY / "db") / "uploads"

    @property
    def logs(self) -> Path:
        """What the processes of jobs print."""
        return (self.home or REPOSITORY / "db") / "logs"


def read_settings(home: Path | None = None) -> Settings:
    """The settings of the environment, on this home where one is given.

    Raises BadInput, naming the variable, for a value that is none.
    """
    try:
        return Settings(home=home) if home else Settings()
    except ValidationError as fault:
        (first, *_) = fault.errors(include_input=False, include_url=False)
        raise BadInput(f"FAIR_{str(first['loc'][0]).upper()}: {first['msg']}.") from None
