"""Settings from the environment (`FAIR_HOME`, `FAIR_HOST`, `FAIR_PORT`) and where things lie."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Typed settings. `home` holds database, models and checkpoints; unset, the repository does."""

    model_config = SettingsConfigDict(env_prefix="FAIR_", frozen=True)

    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 7860

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
