"""People, invitations and storages of an organisation, as the API takes them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .enums import OrganizationRoles, ProjectRoles, StorageProvider


class Storage:
    """A bucket of somebody's cloud."""

    def __init__(
        self,
        name: str,
        provider: StorageProvider,
        public_key: Optional[str] = None,
        private_key: Optional[str] = None,
        region: str = "eu-central-1",
        credentials: Optional[str] = None,
    ) -> None:
        self.name = name
        self.provider = provider
        self.publicKey = public_key
        self.privateKey = private_key
        self.region = region
        self.credentials = credentials

    def to_dict(self) -> Dict[str, Any]:
        """As the API takes it."""
        return dict(self.__dict__, provider=self.provider.value)


class ProjectAssignment:
    """A person's role in a project."""

    def __init__(self, project_id: str, project_role: ProjectRoles) -> None:
        self.project_id = project_id
        self.project_role = project_role

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        return {"projectId": self.project_id, "projectRole": self.project_role.value}


class Invitation:
    """People to invite."""

    def __init__(
        self,
        to: List[str],
        organization_role: OrganizationRoles,
        project_assignments: Optional[List[ProjectAssignment]] = None,
    ) -> None:
        self.to = to
        self.organization_role = organization_role
        self.project_assignments = project_assignments

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        fields: Dict[str, Any] = {"to": self.to, "organizationRole": self.organization_role.value}
        if self.project_assignments:
            fields["projectAssignments"] = [item.toDict() for item in self.project_assignments]
        return fields


class RoleUpdate:
    """A person's new role in the organisation."""

    def __init__(self, email: str, organization_role: OrganizationRoles) -> None:
        self.email = email
        self.organization_role = organization_role

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        return {"email": self.email, "organizationRole": self.organization_role.value}


class ProjectMember:
    """A person and their role in a project."""

    def __init__(self, email: str, project_role: ProjectRoles) -> None:
        self.email = email
        self.project_roles = project_role

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        return {"to": self.email, "projectRole": self.project_roles.value}
